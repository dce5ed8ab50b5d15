import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import type { TestApp } from './app.ts';
import { withAuthorization } from './callers.ts';
import { type Answer, reply } from './upstream.ts';

export const issuerName = 'https://issuer.example.com/';
export const audience = 'videos';

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The issuer's keys, by their ids, and keys of no issuer. Created once for each test file. */
export const keys = { 'rsa-1': rsa(), 'ec-1': ec() };
export const foreignKeys = { rsa: rsa(), ec: ec() };

/** The issuer's keys as it publishes them. */
export const jwks = {
  keys: Object.entries(keys).map(([kid, { publicKey }]) => ({
    ...publicKey.export({ format: 'jwk' }),
    kid,
    use: 'sig',
  })),
};

/** What signs the first two parts of a token. */
export type Signer = (signed: string) => Buffer;

export const rs256 =
  (key: KeyObject): Signer =>
  (signed) =>
    sign('sha256', Buffer.from(signed), key);

export const ps256 =
  (key: KeyObject): Signer =>
  (signed) =>
    sign('sha256', Buffer.from(signed), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });

export const es256 =
  (key: KeyObject): Signer =>
  (signed) =>
    sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });

/** With a shared secret: the text that verifies is the text that signs. */
export const hs256 =
  (secret: string | Buffer): Signer =>
  (signed) =>
    createHmac('sha256', secret).update(signed).digest();

export const unsigned: Signer = () => Buffer.alloc(0);

/** A part of a token. */
export const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token of any making, good or bad. */
export function jws(header: object, claims: unknown, signer: Signer): string {
  const signed = `${encoded(header)}.${encoded(claims)}`;
  return `${signed}.${signer(signed).toString('base64url')}`;
}

/** The present time in Unix seconds, plus so many seconds. */
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** The claims of a client's token. A claim that is undefined is left out. */
export const claimsOf = (client: string, change: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: issuerName,
  aud: audience,
  sub: client,
  scope: 'read submit',
  exp: inSeconds(600),
  ...change,
});

/** The headers of the issuer's tokens. */
export const headers = {
  RS256: { alg: 'RS256', typ: 'JWT', kid: 'rsa-1' },
  ES256: { alg: 'ES256', typ: 'JWT', kid: 'ec-1' },
};

/** A token as the issuer makes it, about a client of ours. */
export const tokenOf = (client: string, change: Record<string, unknown> = {}, header: object = {}): string =>
  jws({ ...headers.RS256, ...header }, claimsOf(client, change), rs256(keys['rsa-1'].privateKey));

export const ecTokenOf = (client: string, change: Record<string, unknown> = {}): string =>
  jws(headers.ES256, claimsOf(client, change), es256(keys['ec-1'].privateKey));

/** The settings about the issuer, without the place of its keys. */
export const issuerSettings = { JWT_ISSUER: issuerName, JWT_AUDIENCE: audience };

export interface Issuer {
  /** Where it publishes its keys. */
  readonly url: string;
  /** The settings of a service that accepts its tokens. */
  readonly settings: Record<string, string>;
  /** How often it was asked for its keys. */
  readonly requests: number;
  /** How it answers that: with its keys. */
  onRequest: Answer;
}

/** The answer of an issuer with these keys. */
export const publishing = (keySet: object): Answer => reply(200, keySet);

/** A real HTTP server that publishes the issuer's keys on loopback, until the test is over. */
export async function startIssuer(): Promise<Issuer> {
  const issuer = { url: '', settings: {}, requests: 0, onRequest: publishing(jwks) };
  const server = createServer((request, response) => {
    issuer.requests++;
    issuer.onRequest(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  issuer.settings = { ...issuerSettings, JWT_JWKS_URL: issuer.url };
  return issuer;
}

const viewerDocument = '{ videoClient { name scopes } }';

/** What a request with this Authorization header is answered with. */
export async function answerTo(app: Pick<TestApp, 'app'>, authorization: string | null) {
  const response = await withAuthorization(app, authorization).send(viewerDocument);
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    body: await response.json(),
  };
}

export const answerToToken = (app: Pick<TestApp, 'app'>, token: string) => answerTo(app, `Bearer ${token}`);

/** The answer to an accepted request. */
export const letIn = (name: string, ...scopes: string[]) => ({
  status: 200,
  challenge: null,
  body: { data: { videoClient: { name, scopes } } },
});

/** The whole answer to every refused request, which has no place for a reason. */
export const refusal = {
  status: 401,
  challenge: 'Bearer',
  body: {
    errors: [
      {
        message: 'Send a valid API key or token: Authorization: Bearer ….',
        extensions: { code: 'UNAUTHENTICATED', retryable: false },
      },
    ],
  },
};

/** Sends each of the tokens, one after the other, and expects all to be refused alike. */
export async function expectAllRefused(app: Pick<TestApp, 'app'>, tokens: Record<string, string>): Promise<void> {
  const others: Record<string, unknown> = {};
  for (const [name, token] of Object.entries(tokens)) {
    const answer = await answerToToken(app, token);
    if (!isDeepStrictEqual(answer, refusal)) others[name] = answer;
  }
  expect(others).toEqual({});
}

/**
 * Sends valid tokens before and after the invalid ones, because a service that refuses everything would pass otherwise.
 */
export async function expectGoodLetIn(app: Pick<TestApp, 'app'>): Promise<void> {
  expect(await answerToToken(app, tokenOf('app'))).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
  expect(await answerToToken(app, ecTokenOf('app'))).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
}
