import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { type Answer, anOrder, createTestApp, submitDocument, type TestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { apiKey } from '../support/upstream.ts';

const endpoint = 'http://localhost/graphql';
const anId = '019a0000-0000-7000-8000-000000000000';

/** Damages the database, around the service. */
async function sabotage(databaseUrl: string, sql: string): Promise<void> {
  const { client, close } = await openDatabase(databaseUrl, silentLog);
  await client.$executeRawUnsafe(sql).finally(close);
}

async function ask({ app }: TestApp, init: RequestInit, path = ''): Promise<{ response: Response; answer: Answer }> {
  const response = await app.fetch(new Request(endpoint + path, init));
  return { response, answer: (await response.clone().json()) as Answer };
}

const jsonRequest = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** The whole answer reveals nothing about the implementation. */
function expectMasked(answer: Answer, databaseUrl: string): void {
  expect(answer.errors).toHaveLength(1);
  expect(answer.errors?.[0]).toMatchObject({
    message: 'Unexpected error.',
    extensions: { code: 'INTERNAL_SERVER_ERROR' },
  });
  const text = JSON.stringify(answer);
  for (const secret of [apiKey, databaseUrl, databaseUrl.split('/').at(-1)!, process.cwd()]) {
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/prisma|sqlite|postgres|select|insert|\.ts\b|node_modules|stack|\bat \w+ ?\(|NONSENSE/i);
}

describe.each(databaseProviders)('a fault behind the contract (%s)', (provider) => {
  const brokenApp = async () => {
    const testApp = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    await sabotage(testApp.databaseUrl, 'DROP TABLE "Task"');
    return testApp;
  };

  test('is one unexpected error in a query', async () => {
    const { query, databaseUrl } = await brokenApp();
    expectMasked(await query('{ videoTasks { edges { node { id } } } }'), databaseUrl);
    const answer = await query(`{ videoTask(id: "${anId}") { id } }`);
    expectMasked(answer, databaseUrl);
    expect(answer.errors?.[0]?.path).toEqual(['videoTask']);
  });

  test('is one unexpected error in an order, and nothing is ordered', async () => {
    const { query, databaseUrl, upstream } = await brokenApp();
    expectMasked(await query(submitDocument, { input: anOrder }), databaseUrl);
    expect(upstream.submits).toEqual([]);
  });

  test('is one unexpected error in a subscription, and the stream completes', async () => {
    const { subscribe, databaseUrl } = await brokenApp();
    const answers: Answer[] = [];
    for await (const answer of subscribe(`subscription { videoTaskUpdated(id: "${anId}") { id } }`))
      answers.push(answer);
    expect(answers).toHaveLength(1);
    expectMasked(answers[0]!, databaseUrl);
  });

  test('is one unexpected error where a row holds a value that the contract does not have', async () => {
    const { query, subscribe, databaseUrl } = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const { data } = await query(submitDocument, { input: anOrder });
    await sabotage(databaseUrl, `UPDATE "Task" SET "model" = 'NONSENSE'`);
    const variables = { id: data.submitVideo.task.id };
    expectMasked(await query('query ($id: ID!) { videoTask(id: $id) { model } }', variables), databaseUrl);
    const watching = subscribe('subscription ($id: ID!) { videoTaskUpdated(id: $id) { model } }', variables);
    const first = await watching.next();
    await watching.return(undefined);
    expectMasked(first.value, databaseUrl);
  });
});

describe('a request that is not right', () => {
  test.each([
    ['a document that does not parse', { query: '{ videoModels { name ' }],
    ['an empty document', { query: '' }],
    ['no document', {}],
    ['a field that does not exist', { query: '{ videoModels { nonsense } }' }],
    ['an argument that is missing', { query: '{ videoTask { id } }' }],
    ['a literal of the wrong type', { query: '{ videoTasks(first: "ten") { edges { cursor } } }' }],
    ['a variable that is missing', { query: 'query ($id: ID!) { videoTask(id: $id) { id } }' }],
    [
      'a variable of the wrong type',
      { query: 'query ($n: Int) { videoTasks(first: $n) { edges { cursor } } }', variables: { n: 'ten' } },
    ],
    ['an operation that does not exist', { query: 'query A { videoModels { name } }', operationName: 'B' }],
    ['a body that is not JSON', '{"query":'],
    ['a body that is no object', '[1]'],
  ])('has a code in every error, and no stack: %s', async (_, body) => {
    const { answer } = await ask(await createTestApp(), jsonRequest(body));
    expect(answer.errors).not.toHaveLength(0);
    for (const error of answer.errors ?? []) {
      expect.soft(error.extensions?.code).toMatch(/^[A-Z_]+$/);
      expect.soft(error.extensions?.code).not.toBe('INTERNAL_SERVER_ERROR');
    }
    expect(JSON.stringify(answer)).not.toMatch(/node_modules|\.ts\b|stack/);
  });

  test('cannot order by GET', async () => {
    const testApp = await createTestApp();
    const query = 'mutation { submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { task { id } } }';
    const { response, answer } = await ask(testApp, {}, `?query=${encodeURIComponent(query)}`);
    expect(response.status).toBe(405);
    expect(answer.errors).toHaveLength(1);
    expect(testApp.upstream.submits).toEqual([]);
  });

  // What a page of any other site can make a browser send here without asking: it would spend money.
  test.each([
    ['application/x-www-form-urlencoded', (query: string) => `query=${encodeURIComponent(query)}`],
    ['text/plain', (query: string) => JSON.stringify({ query })],
    ['application/graphql', (query: string) => query],
  ])('cannot order in a body of the type %s', async (type, bodyOf) => {
    const { app, upstream } = await createTestApp();
    const query = 'mutation { submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { task { id } } }';
    const headers = { 'content-type': type, origin: 'https://elsewhere.example.com' };
    const response = await app.fetch(new Request(endpoint, { method: 'POST', headers, body: bodyOf(query) }));
    expect(upstream.submits).toEqual([]);
    expect(response.status).toBe(415);
  });

  test('for an unknown path is answered with 404', async () => {
    const { app } = await createTestApp();
    for (const path of ['/', '/nothing', '/graphql/nothing', '/readyness', '/.env', '/../package.json']) {
      const response = await app.fetch(new Request(`http://localhost${path}`));
      expect.soft(response.status, path).toBe(404);
    }
  });
});

test('a browser gets GraphiQL at /graphql, complete in one page that loads nothing from elsewhere', async () => {
  const { app } = await createTestApp({ settings: { GRAPHIQL: 'on' } });
  const response = await app.fetch(new Request(endpoint, { headers: { accept: 'text/html' } }));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  const page = await response.text();
  // The tags, without the program and the styles between them.
  const tags = page.replaceAll(/(<(script|style)\b[^>]*>)[\s\S]*?<\/\2>/g, '$1');
  expect(tags).toMatch(/<script\b/);
  expect(tags).not.toMatch(/<(script|link|img|iframe)\b[^>]*\b(src|href)\s*=\s*["']?(https?:)?\/\//i);
  expect(page).not.toMatch(/@import\s+(url\()?["']?https?:/i);
  expect(page).toContain('submitVideo');
  expect(page).not.toContain(apiKey);
});
