import { expect, test } from 'vitest';
import { type Answer, createTestApp, readEvents } from '../support/app.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';

const watch = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
const id = '01a20300-0000-7000-8000-000000000000';

/** Requests that no subscription comes of, each with the code of its refusal. */
const refused: Readonly<Record<string, [body: object | string, code: string]>> = {
  'an unknown task': [{ query: watch, variables: { id } }, 'NOT_FOUND'],
  'a document that does not parse': [{ query: 'subscription {' }, 'GRAPHQL_PARSE_FAILED'],
  'a field that is not there': [{ query: 'subscription { videoTaskDone { id } }' }, 'GRAPHQL_VALIDATION_FAILED'],
  'a missing variable': [{ query: watch }, 'BAD_USER_INPUT'],
  'a variable of another type': [{ query: watch, variables: { id: {} } }, 'BAD_USER_INPUT'],
  'an operation that is not in the document': [
    { query: watch, variables: { id }, operationName: 'Other' },
    'OPERATION_RESOLUTION_FAILURE',
  ],
  'an unknown parameter': [{ query: watch, variables: { id }, other: true }, 'BAD_REQUEST'],
  'variables that are a text': [{ query: watch, variables: 'id' }, 'BAD_REQUEST'],
  'no document': [{ variables: { id } }, 'BAD_REQUEST'],
  'a body that is not JSON': ['subscription', 'BAD_REQUEST'],
  'a document that is too long': [{ query: watch.padEnd(5_000) }, 'LIMIT_EXCEEDED'],
  'a body that is too large': [{ query: watch, variables: { id: 'x'.repeat(10_000) } }, 'LIMIT_EXCEEDED'],
};

test.each(Object.entries(refused))(
  'a subscription that is refused for %s says why in an event, under a status with which clients read it',
  async (_, [body, code]) => {
    const limits = { MAX_DOCUMENT_CHARACTERS: '4000', MAX_BODY_BYTES: '8000' };
    const { url, upstream } = await createTestApp({ started: true, settings: limits });
    for (const accept of ['text/event-stream', 'text/event-stream, multipart/mixed']) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      expect.soft(response.status, accept).toBe(200);
      expect.soft(response.headers.get('content-type'), accept).toMatch(/^text\/event-stream/);
      const answers: Answer[] = [];
      for await (const answer of readEvents(response)) answers.push(answer);
      expect.soft(answers, accept).toMatchObject([{ errors: [{ message: expect.any(String), extensions: { code } }] }]);
    }
    expect(upstream.submits).toEqual([]);
  },
);

test('a page without the client library, which may only GET, is told why as well', async () => {
  const { url } = await createTestApp({ started: true });
  const search = new URLSearchParams({ query: watch, variables: '{' });
  const response = await fetch(`${url}?${search}`, { headers: { accept: 'text/event-stream' } });
  expect(response.status).toBe(200);
  const { value } = await readEvents(response).next();
  expect(value.errors).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }]);
});

test('a stream that is refused for its key keeps its status, because proxies and apps act on it', async () => {
  const databaseUrl = await freshDatabase();
  await createKeyFor(databaseUrl);
  const { url } = await createTestApp({ started: true, databaseUrl });
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'Bearer none' };
  const body = JSON.stringify({ query: watch, variables: { id } });
  const response = await fetch(url, { method: 'POST', headers, body });
  expect(response.status).toBe(401);
  expect(await response.text()).toContain('UNAUTHENTICATED');
});

test('what asks for JSON keeps the status of its refusal', async () => {
  const { url } = await createTestApp({ started: true });
  for (const accept of ['application/json', 'text/event-stream, application/json', '*/*']) {
    const headers = { 'content-type': 'application/json', accept };
    const body = JSON.stringify({ query: watch, other: true });
    expect.soft((await fetch(url, { method: 'POST', headers, body })).status, accept).toBe(400);
  }
});

test('the parameter that Apollo Client 4 adds is accepted, also beside a query', async () => {
  const { app } = await createTestApp();
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const body = JSON.stringify({ query: '{ videoModels { name } }', operationType: 'query', extensions: {} });
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  expect(await response.json()).toEqual({ data: { videoModels: expect.any(Array) } });
});
