import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { withAuthorization } from '../support/callers.ts';
import { freshDirectory } from '../support/database.ts';
import {
  answerToToken,
  audience,
  claimsOf,
  ecTokenOf,
  encoded,
  es256,
  expectAllRefused,
  expectGoodLetIn,
  foreignKeys,
  headers,
  hs256,
  inSeconds,
  issuerName,
  issuerSettings,
  jwks,
  jws,
  keys,
  letIn,
  ps256,
  rs256,
  startIssuer,
  tokenOf,
  unsigned,
} from '../support/issuer.ts';

test.each([
  ['RS256', () => tokenOf('app'), ['READ', 'SUBMIT']],
  ['ES256', () => ecTokenOf('app'), ['READ', 'SUBMIT']],
  ['scopes in a list', () => tokenOf('app', { scope: ['submit', 'read'] }), ['SUBMIT', 'READ']],
  ['scopes of other services', () => tokenOf('app', { scope: 'openid read mail:send' }), ['READ']],
  ['no scope of ours', () => tokenOf('app', { scope: 'openid' }), []],
  ['the scope admin, which takes in the others', () => tokenOf('app', { scope: 'admin' }), ['READ', 'SUBMIT', 'ADMIN']],
  ['no scope claim, and so the default', () => tokenOf('app', { scope: undefined }), ['READ']],
  ['several audiences', () => tokenOf('app', { aud: ['mail', audience] }), ['READ', 'SUBMIT']],
  ['nbf in the past', () => tokenOf('app', { nbf: inSeconds(-5) }), ['READ', 'SUBMIT']],
])('a token with %s is accepted', async (_, token, scopes) => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings: { ...settings, JWT_DEFAULT_SCOPES: 'read' } });
  expect(await answerToToken(app, token())).toEqual(letIn('jwt:app', ...scopes));
});

test('the scopes of a token are what it may do', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  const reader = withAuthorization(app, `Bearer ${tokenOf('app', { scope: 'read' })}`);
  expect((await reader.query('{ videoTasks { edges { cursor } } }')).data).toEqual({ videoTasks: { edges: [] } });
  const { errors } = await reader.query(submitDocument, { input: anOrder });
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  expect(app.upstream.submits).toEqual([]);
});

test('the claims that name the client and its scopes can be chosen, and the keys can stand in a file', async () => {
  const file = join(freshDirectory(), 'jwks.json');
  writeFileSync(file, JSON.stringify(jwks));
  const claims = { JWT_CLIENT_CLAIM: 'azp', JWT_SCOPE_CLAIM: 'scp' };
  const app = await createTestApp({ settings: { ...issuerSettings, ...claims, JWT_JWKS_FILE: file } });
  const token = tokenOf('somebody', { azp: 'shop', scp: ['read'], scope: 'admin' });
  expect(await answerToToken(app, token)).toEqual(letIn('jwt:shop', 'READ'));
  await expectAllRefused(app, { 'no claim': tokenOf('somebody'), ...forged() });
});

/** Tokens that the issuer has not signed, or not like this. */
function forged(): Record<string, string> {
  const { RS256, ES256 } = headers;
  const { publicKey, privateKey } = keys['rsa-1'];
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const [header = '', claims = '', signature = ''] = tokenOf('app').split('.');
  const { rsa, ec } = foreignKeys;
  const foreignJwk = rsa.publicKey.export({ format: 'jwk' });
  const nones = ['none', 'None', 'NONE', 'nOnE', '', undefined].map((alg): [string, string] => [
    `alg ${alg}`,
    jws({ ...RS256, alg }, claimsOf('app'), unsigned),
  ]);
  const mixedUp = Object.entries({
    'the public key as PEM': pem,
    'the public key as PEM without the last line break': pem.trim(),
    'the public key as DER': publicKey.export({ format: 'der', type: 'spki' }),
    'the modulus': Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'),
    nothing: '',
  }).map(([name, secret]): [string, string] => [
    `HS256 with ${name}`,
    jws({ ...RS256, alg: 'HS256' }, claimsOf('app'), hs256(secret)),
  ]);
  return {
    ...Object.fromEntries([...nones, ...mixedUp]),
    'alg none with a signature': jws({ ...RS256, alg: 'none' }, claimsOf('app'), rs256(privateKey)),
    "a stranger's key": jws(RS256, claimsOf('app'), rs256(rsa.privateKey)),
    "a stranger's EC key": jws(ES256, claimsOf('app'), es256(ec.privateKey)),
    'a key in the header': jws({ ...RS256, jwk: foreignJwk }, claimsOf('app'), rs256(rsa.privateKey)),
    'a signature of zeros': jws(ES256, claimsOf('app'), () => Buffer.alloc(64)),
    'RSA said to be EC': jws({ ...RS256, alg: 'ES256' }, claimsOf('app'), rs256(privateKey)),
    'PS256, which is not on the list': jws({ ...RS256, alg: 'PS256' }, claimsOf('app'), ps256(privateKey)),
    'other claims': `${header}.${encoded(claimsOf('admin'))}.${signature}`,
    'another header': `${encoded({ ...RS256, typ: 'at+jwt' })}.${claims}.${signature}`,
    'another signature': `${header}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'half a signature': `${header}.${claims}.${signature.slice(0, 171)}`,
    'no signature': `${header}.${claims}.`,
  };
}

test('forged tokens are refused, all with the same answer', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  await expectGoodLetIn(app);
  await expectAllRefused(app, forged());
  await expectGoodLetIn(app);
});

test('genuine tokens for another audience, another time or no client are refused, all with the same answer', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  await expectGoodLetIn(app);
  const changes = {
    'another audience': { aud: 'mail' },
    'other audiences': { aud: ['mail', `${audience}-2`] },
    'no audience': { aud: undefined },
    'another issuer': { iss: 'https://evil.example.com/' },
    'an issuer that begins alike': { iss: `${issuerName}x` },
    'several issuers': { iss: [issuerName] },
    'no issuer': { iss: undefined },
    'an end that has passed': { exp: inSeconds(-1) },
    'an end that is now': { exp: inSeconds(0) },
    'no end': { exp: undefined },
    'an end in words': { exp: String(inSeconds(600)) },
    'a beginning that is to come': { nbf: inSeconds(60) },
    'no client': { sub: undefined },
    'an empty client': { sub: '' },
    'a client that is no text': { sub: 7 },
    'a client of 256 characters': { sub: 'a'.repeat(256) },
  };
  const tokens = Object.entries(changes).map(([name, change]) => [name, tokenOf('app', change)]);
  const { privateKey } = keys['rsa-1'];
  const notClaims = [null, 'app', [], 7].map((claims) => [
    `claims that are ${JSON.stringify(claims)}`,
    jws(headers.RS256, claims, rs256(privateKey)),
  ]);
  await expectAllRefused(app, Object.fromEntries([...tokens, ...notClaims]));
  await expectGoodLetIn(app);
});

test('tokens whose key cannot be determined are refused, and URLs in them are not fetched', async () => {
  const { settings } = await startIssuer();
  const trap = await startIssuer();
  const app = await createTestApp({ settings });
  await expectGoodLetIn(app);
  const kids = [
    'stranger',
    '',
    '../../etc/passwd',
    '/dev/null',
    trap.url,
    '__proto__',
    'k'.repeat(8_000),
    7,
    {},
    ['rsa-1'],
  ];
  const { rsa } = foreignKeys;
  const byKid = kids.map((kid): [string, string] => [
    `kid ${JSON.stringify(kid).slice(0, 40)}`,
    tokenOf('app', {}, { kid }),
  ]);
  const byUrl = ['jku', 'x5u'].map((name): [string, string] => [
    name,
    jws({ ...headers.RS256, kid: 'stranger', [name]: trap.url }, claimsOf('app'), rs256(rsa.privateKey)),
  ]);
  await expectAllRefused(app, {
    ...Object.fromEntries([...byKid, ...byUrl]),
    'no kid, where there are several keys': tokenOf('app', {}, { kid: undefined }),
    'an empty file as a shared secret': jws({ alg: 'HS256', kid: '/dev/null' }, claimsOf('app'), hs256('')),
  });
  expect(trap.requests).toBe(0);
  await expectGoodLetIn(app);
});

test('a token with an unknown critical extension is refused', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  const demanding = (header: object) => tokenOf('app', {}, header);
  expect(await answerToToken(app, demanding({ 'https://example.com/ext': 1 }))).toEqual(
    letIn('jwt:app', 'READ', 'SUBMIT'),
  );
  await expectAllRefused(app, {
    'an extension': demanding({ crit: ['https://example.com/ext'], 'https://example.com/ext': 1 }),
    'an extension that is not there': demanding({ crit: ['https://example.com/ext'] }),
    'a parameter that everyone knows': demanding({ crit: ['kid'] }),
    'an algorithm': demanding({ crit: ['alg'] }),
    'a payload that is not encoded': demanding({ crit: ['b64'], b64: false }),
    'what the library knows': demanding({ crit: ['b64'], b64: true }),
    'two, one of which we know': demanding({ crit: ['b64', 'x'], b64: true, x: 1 }),
    nothing: demanding({ crit: [] }),
    'a text': demanding({ crit: 'x', x: 1 }),
    'an object': demanding({ crit: { x: 1 }, x: 1 }),
    null: demanding({ crit: null }),
    'a number': demanding({ crit: [7], 7: 1 }),
    'what every object has': demanding({ crit: ['toString'] }),
  });
  await expectGoodLetIn(app);
});

test('what is no token at all is refused, with the same answer', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  const [header = '', claims = '', signature = ''] = tokenOf('app').split('.');
  await expectAllRefused(app, {
    nothing: '',
    'a word': 'abc',
    'three words': 'a.b.c',
    dots: '..',
    'two parts': `${header}.${claims}`,
    'five parts, as in a JWE': `${encoded({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.${claims}.${header}.${claims}.${signature}`,
    'a token and more': `${header}.${claims}.${signature}.${signature}`,
    'a token in quotes': `"${header}.${claims}.${signature}"`,
    'two tokens': `${tokenOf('app')} ${tokenOf('app')}`,
    'a header that is no JSON': `e30x.${claims}.${signature}`,
    'claims that are no JSON': `${header}.e30x.${signature}`,
    'a key that nobody has': `gvk_0123456789ab_${'A'.repeat(43)}`,
    'the beginning of a key': 'gvk_',
  });
  await expectGoodLetIn(app);
});

test('an algorithm counts only where it is on the list', async () => {
  const { settings } = await startIssuer();
  const ps = jws({ ...headers.RS256, alg: 'PS256' }, claimsOf('app'), ps256(keys['rsa-1'].privateKey));
  const psApp = await createTestApp({ settings: { ...settings, JWT_ALGORITHMS: 'PS256' } });
  expect(await answerToToken(psApp, ps)).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
  await expectAllRefused(psApp, { RS256: tokenOf('app'), ES256: ecTokenOf('app') });
  const rsApp = await createTestApp({ settings: { ...settings, JWT_ALGORITHMS: 'RS256' } });
  expect(await answerToToken(rsApp, tokenOf('app'))).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
  await expectAllRefused(rsApp, { PS256: ps, ES256: ecTokenOf('app') });
});
