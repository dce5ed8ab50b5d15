import { generateKeyPairSync } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { held } from '../support/held-answer.ts';
import {
  answerToToken,
  claimsOf,
  ecTokenOf,
  expectAllRefused,
  expectGoodLetIn,
  headers,
  jwks,
  jws,
  keys,
  letIn,
  publishing,
  refusal,
  rs256,
  startIssuer,
  tokenOf,
} from '../support/issuer.ts';
import { type Answer, hang, reply, reset } from '../support/upstream.ts';

const comesIn = letIn('jwt:app', 'READ', 'SUBMIT');
const [rsaKey, ecKey] = jwks.keys;
const madeUp = (index: number): string => tokenOf('app', {}, { kid: `made-up-${index}` });
const minutesMs = (minutes: number): number => minutes * 60_000;

afterEach(() => void vi.useRealTimers());

async function appOf(onRequest: Answer = publishing(jwks)) {
  const issuer = await startIssuer();
  issuer.onRequest = onRequest;
  return { issuer, app: await createTestApp({ settings: issuer.settings }) };
}

async function refuseMadeUp(app: TestApp, count: number): Promise<void> {
  for (let index = 0; index < count; index++) expect(await answerToToken(app, madeUp(index))).toEqual(refusal);
}

test.each<[string, Answer]>([
  ['is down', reset],
  ['answers 503', reply(503)],
  ['publishes no keys', publishing({ keys: [] })],
])('tokens with made-up key ids cause only a few requests to an issuer that %s', async (_, answer) => {
  const { issuer, app } = await appOf(answer);
  await refuseMadeUp(app, 40);
  expect(issuer.requests).toBeLessThanOrEqual(4);
});

test('a token with a known key is accepted while the issuer does not answer', async () => {
  const { issuer, app } = await appOf();
  await expectGoodLetIn(app);
  vi.useFakeTimers({ toFake: ['performance'] });
  vi.advanceTimersByTime(minutesMs(1));
  const silence = held(hang);
  issuer.onRequest = silence.answer;
  let answered = false;
  const unknown = answerToToken(app, madeUp(1)).finally(() => (answered = true));
  await silence.arrived;
  await expectGoodLetIn(app);
  expect(answered).toBe(false);
  expect(await unknown).toEqual(refusal);
});

test('the last good keys are used for an hour while the issuer does not answer, and no longer', async () => {
  const { issuer, app } = await appOf();
  vi.useFakeTimers({ toFake: ['performance'] });
  await expectGoodLetIn(app);
  for (const answer of [reset, reply(503), publishing({ keys: 'none' }), hang]) {
    issuer.onRequest = answer;
    vi.advanceTimersByTime(minutesMs(14));
    const { requests } = issuer;
    await expectGoodLetIn(app);
    await expect.poll(() => issuer.requests).toBe(requests + 1);
  }
  issuer.onRequest = reset;
  vi.advanceTimersByTime(minutesMs(5));
  await expectAllRefused(app, { RS256: tokenOf('app'), ES256: ecTokenOf('app') });
  issuer.onRequest = publishing(jwks);
  vi.advanceTimersByTime(minutesMs(1));
  await expectGoodLetIn(app);
});

test('a key that the issuer has withdrawn is refused once the downloaded keys are old', async () => {
  const { issuer, app } = await appOf();
  vi.useFakeTimers({ toFake: ['performance'] });
  await expectGoodLetIn(app);
  issuer.onRequest = publishing({ keys: [ecKey] });
  vi.advanceTimersByTime(minutesMs(11));
  // The first token with a known key starts the request to the issuer.
  expect(await answerToToken(app, ecTokenOf('app'))).toEqual(comesIn);
  await expect.poll(() => answerToToken(app, tokenOf('app'))).toEqual(refusal);
});

test('keys that the issuer has redirected to are not fetched', async () => {
  const elsewhere = await startIssuer();
  const { issuer, app } = await appOf(reply(302, '', { location: elsewhere.url }));
  await expectAllRefused(app, { 'a good token': tokenOf('app') });
  expect([issuer.requests, elsewhere.requests]).toEqual([1, 0]);
});

/**
 * An answer that begins with a valid document and continues with spaces, so many at a time, until the connection is
 * closed.
 */
const goesOn =
  (size: number, pauseMs: number, written: { bytes: number }): Answer =>
  (response) => {
    const spaces = ' '.repeat(size);
    response.writeHead(200, { 'content-type': 'application/json' }).write(JSON.stringify(jwks).slice(0, -1));
    const more = () => {
      if (response.destroyed) return;
      written.bytes += size;
      response.write(spaces, () => setTimeout(more, pauseMs));
    };
    more();
  };

test.each([
  ['without end', 64 * 1024, 0],
  ['a byte at a time', 1, 20],
])(
  'an answer that goes on %s is not read on, and its connection is closed',
  async (_, size, pauseMs) => {
    const written = { bytes: 0 };
    const onRequest = goesOn(size, pauseMs, written);
    const closed = Promise.withResolvers<void>();
    const { issuer, app } = await appOf((response, request) => {
      response.once('close', closed.resolve);
      onRequest(response, request);
    });
    expect(await answerToToken(app, tokenOf('app'))).toEqual(refusal);
    await closed.promise;
    // The bytes that are read, and those in the buffers of the sockets.
    expect(written.bytes).toBeLessThan(8 * 1024 * 1024);
    issuer.onRequest = publishing(jwks);
    await expect.poll(() => answerToToken(app, tokenOf('app')), { timeout: 8_000, interval: 500 }).toEqual(comesIn);
  },
  20_000,
);

const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const weakToken = jws({ ...headers.RS256, kid: 'weak' }, claimsOf('app'), rs256(weak.privateKey));
const privateJwk = { ...keys['rsa-1'].privateKey.export({ format: 'jwk' }), kid: 'rsa-1' };

test.each<[string, unknown[], string]>([
  ['for another algorithm', [{ ...rsaKey, alg: 'RS512' }], tokenOf('app')],
  ['for another operation', [{ ...rsaKey, key_ops: ['encrypt'] }], tokenOf('app')],
  ['too short', [{ ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' }], weakToken],
  ['published with its private part', [privateJwk], tokenOf('app')],
  ['one of several for a token that names none', jwks.keys, tokenOf('app', {}, { kid: undefined })],
  ['one of more than any issuer has', [...Array(500).fill(ecKey), rsaKey], tokenOf('app')],
])('a key that is %s is refused', async (_, published, token) => {
  const { issuer, app } = await appOf(publishing({ keys: published }));
  await expectAllRefused(app, { token });
  expect(issuer.requests).toBe(1);
});

test.each<[string, unknown[], string]>([
  ['the only one, for a token that names none', [rsaKey], tokenOf('app', {}, { kid: undefined })],
  ['for this algorithm', [{ ...rsaKey, alg: 'RS256' }], tokenOf('app')],
  ['for all algorithms of its kind, each named', ['RS512', 'RS256'].map((alg) => ({ ...rsaKey, alg })), tokenOf('app')],
  ['published twice', [rsaKey, rsaKey], tokenOf('app')],
  ['named as one of another kind', [rsaKey, { ...ecKey, kid: 'rsa-1' }], tokenOf('app')],
  ['one among keys that are none', [null, 7, 'key', [], { kty: {} }, { ...rsaKey, n: {} }, rsaKey], tokenOf('app')],
])('a key that is %s is used', async (_, published, token) => {
  const { app } = await appOf(publishing({ keys: published }));
  expect(await answerToToken(app, token)).toEqual(comesIn);
});
