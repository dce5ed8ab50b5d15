import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDatabase, freshDirectory } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { spawnService } from '../support/process.ts';
import { apiKey } from '../support/upstream.ts';
import { startGuarded } from './guarded.ts';

type Sent = Record<string, unknown>;

const post = ({ url }: Pick<TestApp, 'url'>, body: Sent, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const models = { query: '{ videoModels { name } }' };
const watching = { query: 'subscription { videoTaskUpdated(id: "x") { id } }' };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('every kind of answer tells browsers not to sniff, frame or keep it, and has an id', async () => {
  const open = await createTestApp({ started: true, settings: { GRAPHIQL: 'on', MAX_BODY_BYTES: '1000' } });
  const databaseUrl = await freshDatabase();
  await createKeyFor(databaseUrl);
  const closed = await createTestApp({ started: true, databaseUrl });
  const at = (path: string, headers = {}) => fetch(new URL(path, open.url), { headers });
  const answers: Record<string, [answer: Response, status: number, type: RegExp | null]> = {
    data: [await post(open, models), 200, /json/],
    'a document that does not parse': [await post(open, { query: '{' }), 200, /json/],
    'a stranger': [await post(closed, models), 401, /json/],
    'a foreign page': [await post(open, models, { origin: 'https://elsewhere.example.com' }), 403, /json/],
    'an unknown path': [await at('/nothing'), 404, null],
    'a mutation by GET': [await at('/graphql?query=mutation{submitVideo{replayed}}'), 405, null],
    'too much': [await post(open, { ...models, variables: { x: 'x'.repeat(2_000) } }), 413, /json/],
    'another type': [await post(open, models, { 'content-type': 'text/plain' }), 415, /json/],
    GraphiQL: [await at('/graphql', { accept: 'text/html' }), 200, /^text\/html/],
    'a stream': [await post(open, watching, { accept: 'text/event-stream' }), 200, /^text\/event-stream/],
    health: [await at('/health'), 200, null],
    readiness: [await at('/ready'), 200, /json/],
  };
  for (const [name, [answer, status, type]] of Object.entries(answers)) {
    await answer.text();
    expect.soft(answer.status, name).toBe(status);
    if (type) expect.soft(answer.headers.get('content-type'), name).toMatch(type);
    expect.soft(Object.fromEntries(answer.headers), name).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      'referrer-policy': 'no-referrer',
      'cache-control': expect.stringMatching(/\bno-store\b/),
      vary: expect.stringMatching(/\borigin\b/i),
      'x-request-id': expect.stringMatching(uuid),
    });
    expect.soft(answer.headers.get('x-powered-by'), name).toBeNull();
    expect.soft(answer.headers.get('server'), name).toBeNull();
  }
});

test("a request's id is kept where it can be one, and a new one given where it cannot", async () => {
  const testApp = await createTestApp({ started: true });
  const idFor = async (given: string) =>
    (await post(testApp, models, { 'x-request-id': given })).headers.get('x-request-id');
  for (const id of ['7f', '4bf92f3577b34da6:00f067aa.0ba9-02_b7', 'x'.repeat(100)])
    expect.soft(await idFor(id)).toBe(id);
  for (const nonsense of ['', 'a b', 'x'.repeat(101), '"},{"level":60', '<script>', 'caf\u00e9', 'a,b']) {
    expect.soft(await idFor(nonsense), nonsense).toMatch(uuid);
  }
  const own = [await idFor(''), await idFor('')];
  expect(own[0]).not.toBe(own[1]);
});

test('an unexpected error shows only an id, under which the log has the reason', async () => {
  const service = await startGuarded();
  const { client, close } = await openDatabase(service.databaseUrl, silentLog);
  await client.$executeRawUnsafe('DROP TABLE "Task"').finally(close);
  for (const given of ['trace-4711', undefined]) {
    const headers = given === undefined ? {} : { 'x-request-id': given };
    const answer = await service.send({ query: '{ videoTasks { edges { cursor } } }' }, headers);
    const requestId = answer.headers.get('x-request-id');
    expect(requestId).toEqual(given ?? expect.stringMatching(uuid));
    const { errors } = await answer.json();
    expect(errors).toEqual([
      expect.objectContaining({
        message: 'Unexpected error.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
      }),
    ]);
    const lines = () =>
      service
        .log()
        .split('\n')
        .filter((line) => line.includes(`"requestId":"${requestId}"`))
        .map((line) => JSON.parse(line));
    await expect.poll(lines).toContainEqual(
      expect.objectContaining({
        level: 50,
        requestId,
        err: expect.objectContaining({ message: expect.stringMatching(/Task/) }),
      }),
    );
  }
  expect(service.log()).not.toContain(service.key);
  expect(service.log()).not.toContain(apiKey);
});

test('GraphiQL is not there in production unless it is enabled', async () => {
  const page = async (settings: Record<string, string>) => {
    const { url } = await createTestApp({ started: true, settings });
    const answer = await fetch(url, { headers: { accept: 'text/html' } });
    return { status: answer.status, isPage: (await answer.text()).includes('<html') };
  };
  expect(await page({ GRAPHIQL: 'on' })).toEqual({ status: 200, isPage: true });
  const off = await page({});
  expect(off.isPage).toBe(false);
  expect(off.status).toBeGreaterThanOrEqual(400);
});

describe('with a list of documents', () => {
  const listed = {
    models: models.query,
    order: 'mutation ($prompt: String!) { submitVideo(input: { grokVideo3: { prompt: $prompt } }) { replayed } }',
  };
  const variables = { prompt: 'A paper boat' };
  const byHash = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });
  const data = { videoModels: expect.any(Array) };

  async function createListedApp() {
    const file = `${freshDirectory()}/documents.json`;
    writeFileSync(file, JSON.stringify(listed));
    return createTestApp({ started: true, settings: { PERSISTED_OPERATIONS_FILE: file } });
  }
  const get = ({ url }: TestApp, search: Record<string, string>) => fetch(`${url}?${new URLSearchParams(search)}`);

  test('a document on it is answered, by its id in either way, by POST and by GET', async () => {
    const testApp = await createListedApp();
    const answers = {
      documentId: await post(testApp, { documentId: 'models' }),
      persistedQuery: await post(testApp, byHash('models')),
      'documentId by GET': await get(testApp, { documentId: 'models' }),
      'persistedQuery by GET': await get(testApp, { extensions: JSON.stringify(byHash('models').extensions) }),
    };
    for (const [name, answer] of Object.entries(answers)) expect.soft(await answer.json(), name).toEqual({ data });
    const ordered = await post(testApp, { documentId: 'order', variables });
    expect(await ordered.json()).toEqual({ data: { submitVideo: { replayed: false } } });
    expect(testApp.upstream.submits).toHaveLength(1);
  });

  test('no other document is answered, nor ordered by, and the code says why', async () => {
    const testApp = await createListedApp();
    const free = 'mutation { submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { replayed } }';
    const only = 'PERSISTED_QUERY_ONLY';
    const unknown = 'PERSISTED_QUERY_NOT_IN_LIST';
    const refused: [body: Sent, code: string][] = [
      [{ query: free }, only],
      [models, only],
      [{ query: free, ...byHash('models') }, only],
      [{ query: free, documentId: 'models' }, only],
      [{ query: free, ...byHash('another') }, only],
      [{ documentId: 'another' }, unknown],
      [byHash('another'), unknown],
      [{ documentId: 'constructor' }, unknown],
      [{ documentId: '__proto__' }, unknown],
      [{ variables }, 'PERSISTED_QUERY_ID_REQUIRED'],
      [{ documentId: { models: true } }, 'PERSISTED_QUERY_ID_REQUIRED'],
    ];
    for (const [body, code] of refused) {
      const { data: got, errors } = await (await post(testApp, body)).json();
      expect.soft(got ?? null, JSON.stringify(body)).toBeNull();
      expect.soft(errors, JSON.stringify(body)).toMatchObject([{ extensions: { code } }]);
    }
    const byGet = await (await get(testApp, { query: models.query })).json();
    expect(byGet).toMatchObject({ errors: [{ extensions: { code: only } }] });
    expect((await get(testApp, { documentId: 'order', variables: JSON.stringify(variables) })).status).toBe(405);
    expect(testApp.upstream.submits).toEqual([]);
  });

  test.each([
    ['is not there', null],
    ['is no JSON', '{"models":'],
    ['is a list', '["{ videoModels { name } }"]'],
    ['holds something else', '{"models":{"query":"{ videoModels { name } }"}}'],
  ])('a file that %s stops the start with one line', async (_, content) => {
    const file = `${freshDirectory()}/documents.json`;
    if (content !== null) writeFileSync(file, content);
    const DATABASE_URL = await freshDatabase();
    const service = spawnService({ DATABASE_URL, GROK_API_KEY: apiKey, PERSISTED_OPERATIONS_FILE: file });
    const [stderr, [code]] = await Promise.all([text(service.stderr!), once(service, 'exit')]);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^Cannot start: PERSISTED_OPERATIONS_FILE .*documents\.json cannot be read/),
    ]);
  });
});
