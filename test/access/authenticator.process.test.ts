import { once } from 'node:events';
import { request } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type Answer, anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { as, createKeyFor, createTenants, revokeKey, withAuthorization } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { placed } from '../support/placing.ts';
import { post, spawnService, startService } from '../support/process.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { apiKey, startUpstream, status } from '../support/upstream.ts';

const viewerDocument = '{ videoClient { name scopes } }';
const local = { data: { videoClient: { name: 'local', scopes: ['READ', 'SUBMIT', 'ADMIN'] } } };
const unauthenticated = { errors: [{ extensions: { code: 'UNAUTHENTICATED', retryable: false } }] };

const settingsFor = async (databaseUrl: string) => ({
  DATABASE_URL: databaseUrl,
  GROK_API_KEY: apiKey,
  GROK_API_BASE_URL: (await startUpstream()).url,
});

describe('a service of its own', () => {
  test('needs no setting and no credentials on a laptop, is for this machine only, and says so', async () => {
    const service = await startService(await settingsFor(await freshDatabase()));
    expect(await (await post(service.url, viewerDocument)).json()).toEqual(local);
    await expect.poll(service.log).toContain('There is no API key');
    const { hostname, port } = new URL(service.url);
    expect(hostname).toBe('127.0.0.1');
    // Another address of this machine, on which a service that listens everywhere would answer.
    await expect(fetch(`http://127.0.0.2:${port}/health`)).rejects.toThrow();
  });

  test.each([
    ['0.0.0.0', 'production', []],
    ['::', 'production', []],
    ['127.0.0.1.example.com', 'production', []],
    ['0.0.0.0', 'development', ['--development']],
  ])(
    'without a key, a service that is to listen on %s in %s does not start, and one line says why',
    async (host, _, args) => {
      const settings = { ...(await settingsFor(await freshDatabase())), STORAGE_URL: 'none', HOST: host };
      const service = spawnService(settings, ...args);
      const streams = [text(service.stdout!), text(service.stderr!)];
      const [[stdout, stderr], [code]] = await Promise.all([Promise.all(streams), once(service, 'exit')]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      const lines = stderr!.trim().split('\n');
      expect(lines).toEqual([expect.stringContaining(`HOST is ${host}`)]);
      for (const remedy of ['npm run keys', 'JWT_JWKS_URL', '127.0.0.1']) expect(lines[0]).toContain(remedy);
    },
  );

  test('with a key the service listens on any address and refuses requests without credentials', async () => {
    const databaseUrl = await freshDatabase();
    const key = await createKeyFor(databaseUrl);
    const service = await startService({ ...(await settingsFor(databaseUrl)), HOST: '0.0.0.0', STORAGE_URL: 'none' });
    const url = `http://127.0.0.2:${new URL(service.url).port}/graphql`;
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const send = (more: Record<string, string>) =>
      fetch(url, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify({ query: viewerDocument }) });
    expect((await send({})).status).toBe(401);
    const answer = await send({ authorization: `Bearer ${key.key}` });
    expect(await answer.json()).toEqual({ data: { videoClient: { name: 'app', scopes: ['READ', 'SUBMIT'] } } });
    expect(service.log()).not.toContain('There is no API key');
  });
});

/** How long a service may go on without noticing the first key, with some time for a busy machine. */
const closesWithin = { timeout: 5_000, interval: 50 };

test('once a first key exists, a running service refuses requests without one, even after the key is gone', async () => {
  const app = await createTrackedApp();
  const anonymous = withAuthorization(app, null);
  expect(await anonymous.query(viewerDocument)).toEqual(local);
  const id = await app.submit(anOrder);
  const watching = anonymous.subscribe('subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }', { id });
  expect((await watching.next()).value).toEqual({ data: { videoTaskUpdated: { status: 'QUEUED' } } });

  const key = await createKeyFor(app.databaseUrl);
  // The key itself works at once.
  expect((await as(app, key).query(viewerDocument)).data.videoClient.name).toBe('app');
  await expect.poll(async () => (await anonymous.send(viewerDocument)).status, closesWithin).toBe(401);
  expect(await anonymous.query(submitDocument, { input: anOrder })).toMatchObject(unauthenticated);
  expect(app.upstream.submits).toHaveLength(1);
  app.upstream.onCheck = status('processing');
  app.untilNextCheck();
  expect((await watching.next()).value).toMatchObject(unauthenticated);
  expect(await watching.next()).toEqual({ value: undefined, done: true });

  await revokeKey(app.databaseUrl, key);
  expect((await anonymous.send(viewerDocument)).status).toBe(401);
  const next = await createTestApp({ databaseUrl: app.databaseUrl });
  expect((await withAuthorization(next, null).send(viewerDocument)).status).toBe(401);
});

test('tasks that were ordered without a key belong to the client local, whose key can read them later', async () => {
  const app = await createTestApp();
  const { task } = await placed(app, anOrder);
  const own = as(app, await createKeyFor(app.databaseUrl, { client: 'local' }));
  const foreign = as(app, await createKeyFor(app.databaseUrl, { client: 'app' }));
  const document = 'query ($id: ID!) { videoTask(id: $id) { id client } }';
  expect((await own.query(document, { id: task.id })).data.videoTask).toEqual({ id: task.id, client: 'local' });
  expect((await foreign.query(document, { id: task.id })).data.videoTask).toBeNull();
});

/** Orders over the network, because fetch does not let a test choose all headers. */
async function orderWith(url: string, more: Record<string, string>) {
  const headers = { 'content-type': 'application/json', accept: 'application/json', ...more };
  const sent = request(url, { method: 'POST', headers });
  sent.end(JSON.stringify({ query: submitDocument, variables: { input: anOrder } }));
  const [response] = await once(sent, 'response');
  return { code: response.statusCode, answer: (await json(response)) as Answer };
}

/**
 * A page whose domain resolves to this machine, a page of another site, and a proxy that forwards requests of others.
 */
const fromElsewhere: Record<string, string>[] = [
  { host: 'attacker.example' },
  { host: 'localhost.attacker.example' },
  { host: '127.0.0.1.attacker.example:4000' },
  { host: '0.0.0.0' },
  { host: '192.168.0.1' },
  { host: '[::2]' },
  { origin: 'https://attacker.example' },
  { origin: 'http://localhost.attacker.example:4000' },
  { origin: 'null' },
  { 'sec-fetch-site': 'cross-site' },
  { 'x-forwarded-for': '203.0.113.7' },
  { forwarded: 'for=203.0.113.7' },
  { via: '1.1 proxy' },
];

test.each(fromElsewhere)('without a key an order with %j is refused, and with one it is not', async (headers) => {
  const app = await createTestApp({ started: true });
  const { code, answer } = await orderWith(app.url, headers);
  expect(code).toBe(403);
  expect(answer).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', retryable: false } }] });
  expect(answer.data ?? null).toBeNull();
  expect(app.upstream.submits).toEqual([]);

  const { key } = await createKeyFor(app.databaseUrl);
  const withKey = await orderWith(app.url, { ...headers, authorization: `Bearer ${key}` });
  expect(withKey.answer.errors).toBeUndefined();
  expect(app.upstream.submits).toHaveLength(1);
});

test.each<Record<string, string>>([
  { host: 'localhost' },
  { host: 'LOCALHOST:4000' },
  { host: '127.0.0.1:4000' },
  { host: '127.8.8.8' },
  { host: '[::1]:4000' },
  { origin: 'http://127.0.0.1:4000' },
  { origin: 'http://localhost:3000' },
  { origin: 'https://app.example.com' },
])('without a key an order from this machine, or from a page that may, is taken with %j', async (headers) => {
  const app = await createTestApp({ started: true, settings: { CORS_ORIGINS: 'https://app.example.com' } });
  const { answer } = await orderWith(app.url, headers);
  expect(answer).toMatchObject({ data: { submitVideo: { task: { status: 'QUEUED' } } } });
});

const someKey = `gvk_0123456789ab_${'k'.repeat(43)}`;

/** Malformed Authorization headers around a valid key. */
const malformed: [what: string, authorization: (key: string) => string][] = [
  ['is empty', () => ''],
  ['names no scheme', (key) => key],
  ['names a scheme and no key', () => 'Bearer'],
  ['has another scheme', (key) => `Token ${key}`],
  ['has a key as user name and password', (key) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`],
  ['has two keys', (key) => `Bearer ${key} ${key}`],
  ['has two keys with a comma', (key) => `Bearer ${key},${key}`],
  ['has two credentials with a comma', (key) => `Bearer ${key}, Bearer ${key}`],
  ['has no blank before the key', (key) => `Bearer${key}`],
  ['has a tab before the key', (key) => `Bearer\t${key}`],
  ['has the key in quotes', (key) => `Bearer "${key}"`],
  ['has half of a key', (key) => `Bearer ${key.slice(0, 30)}`],
  ['has more than a key', (key) => `Bearer ${key}A`],
  ['has a key in other letters', (key) => `Bearer ${key.toUpperCase()}`],
  ['has a key with another end', (key) => `Bearer ${key.slice(0, -4)}AAAA`],
  ['has the shown part of a key', (key) => `Bearer ${key.slice(0, 16)}`],
  ['has what looks like a token', () => 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhcHAifQ.'],
];

test.each(malformed)(
  'a request whose Authorization header %s is refused, with and without keys in the database',
  async (_, write) => {
    const open = await createTestApp();
    expect(await withAuthorization(open, write(someKey)).query(viewerDocument)).toMatchObject(unauthenticated);
    expect(await withAuthorization(open, null).query(viewerDocument)).toEqual(local);

    const { key } = await createKeyFor(open.databaseUrl);
    expect(await withAuthorization(open, write(key)).query(viewerDocument)).toMatchObject(unauthenticated);
    expect((await as(open, { key }).query(viewerDocument)).data.videoClient.name).toBe('app');
  },
);

test.each<[string, (key: string) => string]>([
  ['in lower case', (key) => `bearer ${key}`],
  ['in upper case', (key) => `BEARER ${key}`],
  ['with blanks around the key', (key) => `Bearer   ${key}  `],
])('a key is taken with the word Bearer %s', async (_, write) => {
  const app = await createTestApp();
  const { key } = await createKeyFor(app.databaseUrl);
  expect((await withAuthorization(app, write(key)).query(viewerDocument)).data.videoClient.name).toBe('app');
});

test('a refused caller gets the same 401 for every reason, with the scheme to use and nothing else', async () => {
  const { app, bob } = await createTenants();
  const revoked = await createKeyFor(app.databaseUrl);
  await revokeKey(app.databaseUrl, revoked);
  const anonymous = withAuthorization(app, null);
  await expect.poll(async () => (await anonymous.send(viewerDocument)).status, closesWithin).toBe(401);
  const id = await bob.submit(anOrder);
  const refusedCallers = [anonymous, as(app, revoked), as(app, { key: someKey }), withAuthorization(app, 'Basic YTpi')];
  const task = 'query ($id: ID!) { videoTask(id: $id) { id } }';
  for (const accept of ['application/json', 'application/graphql-response+json', 'text/event-stream']) {
    for (const document of [viewerDocument, task, submitDocument, '{ __schema { types { name } } }', '{ nonsense']) {
      const bodies = new Set<string>();
      for (const refused of refusedCallers) {
        const response = await refused.send(document, { id, input: anOrder }, accept);
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        bodies.add(await response.text());
      }
      expect([...bodies], `${document} as ${accept}`).toEqual([expect.stringMatching(/"code":"UNAUTHENTICATED"/)]);
      const [body = ''] = bodies;
      expect(Object.keys(JSON.parse(/\{.*\}/.exec(body)?.[0] ?? ''))).toEqual(['errors']);
    }
  }
  expect(app.upstream.submits).toHaveLength(1);
});

test('a key counts only in the Authorization header, and /health needs none', async () => {
  const app = await createTestApp();
  const { key } = await createKeyFor(app.databaseUrl);
  const anonymous = withAuthorization(app, null);
  await expect.poll(async () => (await anonymous.send(viewerDocument)).status, closesWithin).toBe(401);
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.app.fetch(new Request(`http://localhost${path}`, { headers: { accept: 'application/json', ...headers } }));
  const query = `/graphql?query=${encodeURIComponent(viewerDocument)}`;
  expect((await get(query, { authorization: `Bearer ${key}` })).status).toBe(200);
  expect((await get(`${query}&access_token=${key}&authorization=Bearer%20${key}`)).status).toBe(401);
  expect((await get(query, { cookie: `authorization=Bearer ${key}; authorization=${key}` })).status).toBe(401);
  expect((await get(query, { 'x-api-key': key, 'proxy-authorization': `Bearer ${key}` })).status).toBe(401);
  expect((await get('/health')).status).toBe(200);
});
