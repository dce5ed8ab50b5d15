import { writeFileSync } from 'node:fs';
import type { GraphQLOutputType } from 'graphql';
import { expect, test } from 'vitest';
import { callUp, type Guarded, startGuarded } from '../security/guarded.ts';
import { anOrder, submitDocument } from '../support/app.ts';
import { createKeyFor, revokeKey } from '../support/callers.ts';
import { freshDirectory } from '../support/database.ts';
import { contract, everythingOf } from '../support/every-field.ts';
import { inlinePng } from '../support/images.ts';
import { createDocument } from '../support/uploading.ts';
import { reply } from '../support/upstream.ts';

type Headers = Record<string, string>;

const read = 'query ($id: ID!) { videoTask(id: $id) { id status prompt createdAt failure { code } } }';
const whoami = '{ videoClient { name } }';

/** An answer without what differs each time. */
async function seen(answering: Promise<Response>) {
  const response = await answering;
  const { date, 'x-request-id': requestId, ...headers } = Object.fromEntries(response.headers);
  return { requestId, answer: { status: response.status, headers, text: await response.text() } };
}

/** Sends a body twice: the answer each time, and whether the second came by the fast path. */
async function twice(service: Guarded, body: object, headers: Headers = {}) {
  const first = await seen(service.send(body, headers));
  const second = await seen(service.send(body, headers));
  return { first: first.answer, second: second.answer, fast: await cameFast(service, second.requestId) };
}

const sentinel = '{ __typename }';

/** The log is written in order: once it has a later answer that came by the fast path, it has the one in question. */
async function cameFast(service: Guarded, requestId: string | undefined): Promise<boolean> {
  const fastOnes = () => [...service.log().matchAll(/"requestId":"([^"]+)","msg":"answered by the fast path"/g)];
  const later = crypto.randomUUID();
  await expect
    .poll(async () => {
      await seen(service.send({ query: sentinel }, { 'x-request-id': later }));
      return fastOnes().some(([, id]) => id === later);
    })
    .toBe(true);
  return fastOnes().some(([, id]) => id === requestId);
}

const tracing = { LOG_LEVEL: 'trace' };

async function startWithTask(settings: Headers = {}) {
  const service = await startGuarded({ ...tracing, ...settings });
  const submitted = await service.send({ query: submitDocument, variables: { input: anOrder } });
  const { data } = (await submitted.json()) as { data: { submitVideo: { task: { id: string } } } };
  return { service, id: data.submitVideo.task.id };
}

test('a query is answered the same the second time, by the fast path', async () => {
  const { service, id } = await startWithTask({ INTROSPECTION: 'on' });
  const two = 'query One($id: ID!) { videoTask(id: $id) { id } } query Two { videoClient { name scopes } }';
  const bodies: object[] = [
    { query: read, variables: { id } },
    { query: read, variables: { id: '01a20300-0000-7000-8000-000000000000' } },
    { query: two, operationName: 'Two' },
    { query: two, operationName: 'One', variables: { id } },
    {
      query:
        'query ($n: Int = 3) { videoTasks(first: $n) { edges { cursor node { ...T } } } } fragment T on VideoTask { id }',
    },
    {
      query: '{ a: videoModels { name } videoTasks(filter: { statuses: [QUEUED] }) { pageInfo { endCursor } } }',
      variables: null,
    },
    { query: whoami, operationName: null, extensions: { trace: true } },
    { query: '{ __schema { queryType { name } } }' },
  ];
  for (const body of bodies) {
    const { first, second, fast } = await twice(service, body);
    expect(first).toMatchObject({ status: 200, text: expect.stringContaining('{"data":{"') });
    expect(second).toEqual(first);
    expect(fast).toBe(true);
  }
});

test('every field that can be queried has the same value both ways', async () => {
  const { service, id } = await startWithTask();
  const input = { grokVideo3Pro: { prompt: 'A boat', images: [{ dataUri: inlinePng() }] } };
  await service.send({ query: submitDocument, variables: { input } });
  const refused = { grokVideo3Stable: { prompt: 'A boat', images: [{ url: 'https://example.com/boat.png' }] } };
  service.upstream.onSubmit = reply(400, { error: { message: 'No.' } });
  await service.send({ query: submitDocument, variables: { input: refused } });
  const upload = { contentType: 'PNG', sizeBytes: 10 };
  const created = await service.send({ query: createDocument, variables: { input: upload } });
  const { data } = (await created.json()) as { data: { createVideoImageUpload: { upload: { id: string } } } };
  const fields = Object.values(contract.getQueryType()?.getFields() ?? {});
  const task = contract.getType('VideoTask') as GraphQLOutputType;
  const asked = fields.map(({ name, type }) => {
    const argument = {
      videoTask: `(id: "${id}")`,
      videoImageUpload: `(id: "${data.createVideoImageUpload.upload.id}")`,
      _entities: `(representations: [{ __typename: "VideoTask", id: "${id}" }])`,
    }[name];
    const selection = name === '_entities' ? `{ ... on VideoTask ${everythingOf(task)} }` : everythingOf(type);
    return `{ ${name}${argument ?? ''} ${selection} }`;
  });
  expect(asked.length).toBeGreaterThan(5);
  for (const query of asked) {
    const { first, second, fast } = await twice(service, { query });
    expect({ query, first }).toMatchObject({ first: { text: expect.stringContaining('{"data":{"') } });
    expect({ query, second }).toEqual({ query, second: first });
    expect({ query, fast }).toEqual({ query, fast: true });
  }
});

test('the complexity of a query is limited each time, because its variables differ', async () => {
  const { service } = await startWithTask({ MAX_COMPLEXITY: '200' });
  const query = 'query ($n: Int) { videoTasks(first: $n) { edges { node { id status } } } }';
  const light = await twice(service, { query, variables: { n: 2 } });
  expect(light).toMatchObject({ fast: true, second: { status: 200 } });
  const heavy = await twice(service, { query, variables: { n: 100 } });
  expect(heavy).toMatchObject({ fast: false, second: { text: expect.stringContaining('MAX_COMPLEXITY') } });
});

test('a client gets the form of answer that it accepts', async () => {
  const { service } = await startWithTask();
  const accepted = [
    'application/json',
    'application/graphql-response+json',
    'application/graphql-response+json, application/json;q=0.9',
    'application/json, text/event-stream',
    '*/*',
  ];
  for (const accept of accepted) {
    const { first, second, fast } = await twice(service, { query: whoami }, { accept });
    expect(second).toEqual(first);
    expect(fast).toBe(true);
  }
  // An answer to a mutation is always JSON, so that it arrives. One to a query is not.
  await service.send({ query: submitDocument, variables: { input: anOrder } }, { accept: 'image/png' });
  for (const accept of ['text/event-stream', 'multipart/mixed', 'image/png']) {
    const { first, second, fast } = await twice(service, { query: whoami }, { accept });
    expect(second).toEqual(first);
    expect(fast).toBe(false);
  }
});

test('a request that is no query with a key, or has another result than data, goes through Yoga', async () => {
  const { service, id } = await startWithTask();
  const reader = { authorization: `Bearer ${(await createKeyFor(service.databaseUrl, { scopes: [] })).key}` };
  const mixed = 'query Q { videoClient { name } } mutation M { abandonVideoTask(id: "x") { task { id } } }';
  await twice(service, { query: read, variables: { id } });
  await twice(service, { query: whoami });
  const others: [object, Headers?][] = [
    [{ query: read, variables: { id: { not: 'an id' } } }],
    [{ query: read }],
    [{ query: read, variables: [id] }],
    [{ query: read, variables: { id }, operationName: 'Other' }],
    [{ query: whoami, operationName: 7 }],
    [{ query: whoami, other: true }],
    [{ query: mixed, operationName: 'Q' }],
    [{ query: '{ videoClient { nothing } }' }],
    [{ query: read, variables: { id } }, reader],
    [{ query: whoami }, { authorization: `Bearer ${service.key.slice(0, -1)}_` }],
    [{ query: whoami }, { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }],
    [{ query: whoami }, { 'content-type': 'application/json; charset=utf-8' }],
    [{ query: whoami }, { origin: 'http://localhost' }],
    [{ query: whoami, variables: { unused: 'x'.repeat(20_000) } }],
  ];
  for (const [body, headers] of others) {
    const { first, second, fast } = await twice(service, body, headers);
    expect({ body, answer: second }).toEqual({ body, answer: first });
    expect({ body, fast }).toEqual({ body, fast: false });
  }
});

test('an order is placed each time it is sent', async () => {
  const { service } = await startWithTask();
  for (let time = 0; time < 3; time++) await service.send({ query: submitDocument, variables: { input: anOrder } });
  expect(service.upstream.submits).toHaveLength(4);
});

test('no caller gets in, or sees more, because others have asked the same', async () => {
  const { service, id } = await startWithTask();
  const other = await createKeyFor(service.databaseUrl, { client: 'other' });
  const authorization = `Bearer ${other.key}`;
  await twice(service, { query: read, variables: { id } });
  const asOther = await twice(service, { query: read, variables: { id } }, { authorization });
  expect(asOther).toMatchObject({ fast: true, second: { text: '{"data":{"videoTask":null}}' } });
  await revokeKey(service.databaseUrl, other);
  const revoked = await twice(service, { query: read, variables: { id } }, { authorization });
  expect(revoked).toMatchObject({ fast: false, second: { status: 401 } });
});

test('a body that comes in pieces, or does not say how long it is, is answered too', async () => {
  const { service } = await startWithTask();
  await twice(service, { query: whoami });
  const body = JSON.stringify({ query: whoami });
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${service.key}`,
    'Content-Type: application/json',
    'Accept: application/json',
  ].join('\r\n');
  const line = await callUp(service.url, `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  line.socket.write(body.slice(9));
  await expect.poll(() => line.heard()).toContain('{"data":{"videoClient":{"name":"app"}}}');
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const chunked = await callUp(service.url, `${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
  await expect.poll(() => chunked.heard()).toContain('{"data":{"videoClient":{"name":"app"}}}');
  // Two on one connection, the second before the first is answered.
  const whole = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const pipelined = await callUp(service.url, whole + whole);
  await expect.poll(() => pipelined.heard().split('{"data":{"videoClient":{"name":"app"}}}')).toHaveLength(3);
});

test('a document on the list is known by its id, and by nothing else', async () => {
  const file = `${freshDirectory()}/operations.json`;
  writeFileSync(file, JSON.stringify({ whoami, sentinel }));
  const service = await startGuarded({ ...tracing, PERSISTED_OPERATIONS_FILE: file });
  const url = `${service.url}?documentId=whoami`;
  const byUrl = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json', accept: 'application/json' },
    body: '{}',
  });
  expect(await byUrl.text()).toBe('{"data":{"videoClient":{"name":"app"}}}');
  const ways = [{ documentId: 'whoami' }, { extensions: { persistedQuery: { version: 1, sha256Hash: 'whoami' } } }];
  for (const body of ways) {
    await service.send(body);
    const second = await seen(service.send(body, { 'x-request-id': `fast-${ways.indexOf(body)}` }));
    expect(second.answer.text).toBe('{"data":{"videoClient":{"name":"app"}}}');
    await expect
      .poll(() => service.log())
      .toContain(`"requestId":"${second.requestId}","msg":"answered by the fast path"`);
  }
  expect(await (await service.send({ query: whoami })).text()).toContain('PERSISTED_QUERY_ONLY');
  expect(await (await service.send({})).text()).toContain('PERSISTED_QUERY_ID_REQUIRED');
});
