import { expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { inlinePng } from '../support/images.ts';
import { callUp, type Guarded, headOf, memoryOf, startGuarded } from './guarded.ts';

const submit = 'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { task { status } } }';
const order = { input: { grokVideo3: { prompt: 'A paper boat' } } };
const literal = 'mutation { submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { replayed } }';

/** Texts that no answer may contain. */
const inside = /node_modules|\.ts\b|\bat \w+|stack|prisma|sqlite/i;

const codeIn = async (response: Response): Promise<unknown> => (await response.json()).errors?.[0]?.extensions?.code;

const megabyte = 1024 * 1024;

const maxBody = 20 * megabyte;
const tooLong: Record<string, Record<string, string | number>> = {
  'with a length': { 'content-length': 50 * megabyte },
  'in chunks': { 'transfer-encoding': 'chunked' },
};

/** Sends a body of up to `bytes` bytes, until the service closes the connection. */
async function upload({ url }: Guarded, headers: Record<string, string | number>, bytes: number) {
  const line = await callUp(url, headOf(headers));
  const chunked = !('content-length' in headers);
  const part = Buffer.alloc(64 * 1024, 'a');
  let sent = 0;
  for (; sent < bytes && !line.socket.destroyed; sent += part.length) {
    const piece = chunked ? Buffer.concat([Buffer.from('10000\r\n'), part, Buffer.from('\r\n')]) : part;
    await new Promise<void>((resolve) => line.socket.write(piece, () => resolve()));
  }
  return { ...line, sent };
}

test('a body that is too large is refused before all of it has arrived, and takes little memory', async () => {
  const service = await startGuarded();
  const authorization = `Bearer ${service.key}`;
  const memory = memoryOf(service);
  for (const [name, length] of Object.entries(tooLong)) {
    // A client that stops sending there gets the reason: a body with a length is not read at all, one in chunks up to
    // the limit.
    const bytes = name === 'in chunks' ? maxBody + 1 : 0;
    const { heard, closedWithin } = await upload(service, { authorization, ...length }, bytes);
    expect.soft(await closedWithin(5_000), name).toBe(true);
    expect.soft(heard(), name).toMatch(/^HTTP\/1\.1 413 /);
    expect.soft(heard(), name).toContain(`"limit":"MAX_BODY_BYTES","max":${maxBody}`);
    // The connection of a client that goes on sending is closed.
    const rude = await upload(service, { authorization, ...length }, 50 * megabyte);
    expect.soft(await rude.closedWithin(5_000), name).toBe(true);
    expect.soft(rude.sent, name).toBeLessThan(maxBody + 10 * megabyte);
    const nobodys = await upload(service, { authorization: 'Bearer no', ...length }, 50 * megabyte);
    expect.soft(await nobodys.closedWithin(5_000), name).toBe(true);
    expect.soft(nobodys.sent, name).toBeLessThan(10 * megabyte);
  }
  expect((await service.send({ query: '{ videoClient { name } }' })).status).toBe(200);
  if (memory !== null) expect(memoryOf(service)! - memory).toBeLessThan(150);
}, 60_000);

test('a request without a key is answered, and its connection closed, before the body has arrived', async () => {
  const { url } = await startGuarded();
  const { socket, heard, closedWithin } = await callUp(url, headOf({ 'content-length': megabyte }));
  socket.write(Buffer.alloc(64 * 1024, 'a'));
  expect(await closedWithin(5_000)).toBe(true);
  expect(heard()).toMatch(/^HTTP\/1\.1 401 /);
  expect(heard()).toContain('UNAUTHENTICATED');
});

test('a mutation in anything but JSON by POST is refused, and nothing is ordered', async () => {
  const { url, key, send, upstream } = await startGuarded();
  const authorization = `Bearer ${key}`;
  const get = (search: string) => fetch(`${url}?${search}`, { headers: { authorization } });
  const form = new FormData();
  form.set('operations', JSON.stringify({ query: submit, variables: { ...order, file: null } }));
  form.set('map', JSON.stringify({ 0: ['__proto__.input', 'constructor.prototype.input', 'variables.file'] }));
  form.set('0', new Blob(['x']), 'x.png');
  const query = new URLSearchParams({ query: literal });
  const json = JSON.stringify({ query: literal });
  const post = (type: string, body: string) => send(body, { 'content-type': type });
  const refused: Record<string, [Response, number]> = {
    get: [await get(String(query)), 405],
    'get as JSON': [
      await fetch(`${url}?${query}`, { headers: { authorization, 'content-type': 'application/json' } }),
      405,
    ],
    urlencoded: [await post('application/x-www-form-urlencoded', String(query)), 415],
    'text/plain': [await post('text/plain', json), 415],
    'no type': [await post('', json), 415],
    'JSON by another name': [await post('text/plain; application/json', json), 415],
    'application/graphql': [await post('application/graphql', literal), 415],
    multipart: [await fetch(url, { method: 'POST', headers: { authorization }, body: form }), 415],
    put: [
      await fetch(url, { method: 'PUT', headers: { authorization, 'content-type': 'application/json' }, body: json }),
      405,
    ],
  };
  for (const [name, [response, status]] of Object.entries(refused)) {
    expect.soft(response.status, name).toBe(status);
    expect.soft(await response.text(), name).not.toMatch(/"data":\{|replayed/);
  }
  expect(upstream.submits).toEqual([]);
  // The requests above are refused for their form: the same as JSON is an order.
  expect((await (await send(json)).json()).data.submitVideo).toEqual({ replayed: false });
});

test('names that every object has in JavaScript are nothing special in JSON', async () => {
  const { send, upstream } = await startGuarded();
  const text = JSON.stringify({ query: submit });
  const withInput = (input: string) => `{"query":${JSON.stringify(submit)},"variables":${input}}`;
  const bodies: [body: string, code: string][] = [
    [`{"__proto__":${text}}`, 'BAD_REQUEST'],
    [`{"query":"{ videoClient { name } }","__proto__":${text}}`, 'BAD_REQUEST'],
    [withInput(`{"__proto__":${JSON.stringify(order)}}`), 'BAD_USER_INPUT'],
    [withInput('{"input":{"__proto__":{"grokVideo3":{"prompt":"x"}}}}'), 'BAD_USER_INPUT'],
    [withInput('{"input":{"constructor":{"prototype":{"grokVideo3":{"prompt":"x"}}}}}'), 'BAD_USER_INPUT'],
    [withInput('{"input":{"grokVideo3":{"__proto__":{"prompt":"x"}}}}'), 'BAD_USER_INPUT'],
  ];
  for (const [body, code] of bodies) expect.soft(await codeIn(await send(body)), body).toBe(code);
  expect(upstream.submits).toEqual([]);
});

const filtered = 'query ($filter: VideoTaskFilter) { videoTasks(filter: $filter) { edges { cursor } } }';
const guesses: readonly [name: string, query: string, variables?: Record<string, unknown>][] = [
  ['a field', '{ videoModel }'],
  ['an argument', '{ videoTasks(frist: 1) { edges { cursor } } }'],
  ['a type', 'query ($filter: VideoTaskFilte) { videoTasks(filter: $filter) { edges { cursor } } }'],
  ['an enum value', '{ videoTasks(filter: { statuses: [QUEUE] }) { edges { cursor } } }'],
  ['an enum value in a variable', filtered, { filter: { statuses: ['QUEUE'] } }],
  ['an input field', '{ videoTasks(filter: { statu: QUEUED }) { edges { cursor } } }'],
  ['an input field in a variable', filtered, { filter: { statu: ['QUEUED'] } }],
];

test('error messages suggest names of the schema in development, and not in production', async () => {
  const { send } = await startGuarded();
  const development = await createTestApp({ settings: { INTROSPECTION: 'on' } });
  for (const [name, query, variables = {}] of guesses) {
    const { errors } = await (await send({ query, variables })).json();
    expect.soft(errors.length, name).toBeGreaterThan(0);
    expect.soft(JSON.stringify(errors), name).not.toMatch(/did you mean/i);
    const told = await development.query(query, variables);
    expect.soft(JSON.stringify(told.errors), name).toMatch(/did you mean/i);
  }
  const { errors } = await (await send({ query: '{ helo }' })).json();
  expect(errors).toMatchObject([{ message: 'Cannot query field "helo" on type "Query".' }]);
});

test('many different large documents do not fill the memory', async () => {
  const { send, process } = await startGuarded({ NODE_OPTIONS: '--max-old-space-size=256' });
  const some = async (first: number) => {
    for (let index = first; index < 400; index += 4) {
      // As many tokens as the limit allows, in 80,000 characters.
      const query = `{ a${index} { ${'a '.repeat(1_980)} } } #${'x'.repeat(76_000)}`;
      expect(await codeIn(await send({ query }))).toBe('GRAPHQL_VALIDATION_FAILED');
    }
  };
  await Promise.all([0, 1, 2, 3].map(some));
  expect(process.exitCode ?? process.signalCode).toBeNull();
  expect((await send({ query: '{ videoClient { name } }' })).status).toBe(200);
}, 60_000);

test('a request without a valid URL is a bad request, and its answer reveals nothing else', async () => {
  const { url } = await startGuarded();
  for (const host of ['[', 'a b', '%', '127.0.0.1:99999', 'localhost@attacker.example', 'localhost/graphql?', 'x#']) {
    const { heard, closedWithin } = await callUp(url, `GET /graphql HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    expect.soft(await closedWithin(5_000), host).toBe(true);
    expect.soft(heard(), host).toMatch(/^HTTP\/1\.1 40[01] /);
    expect.soft(heard(), host).not.toMatch(inside);
  }
  expect((await fetch(new URL('/health', url))).status).toBe(200);
});

test('broken JSON is a bad request, and is not sent back', async () => {
  const { url, key, send } = await startGuarded();
  const get = (search: string) =>
    fetch(`${url}?query={videoClient{name}}&${search}`, { headers: { authorization: `Bearer ${key}` } });
  const broken = {
    body: await send('{"query":"{ videoClient { name } }", sesame'),
    'body of one word': await send('sesame'),
    'no body': await send(''),
    list: await send('["sesame"]'),
    'fifty at once': await send(JSON.stringify(Array(50).fill({ query: '{ videoClient { name } } # sesame' }))),
    variables: await get('variables={sesame'),
    extensions: await get('extensions={sesame'),
  };
  for (const [name, response] of Object.entries(broken)) {
    const text = await response.text();
    expect.soft(response.status, name).toBe(400);
    expect.soft(JSON.parse(text).errors?.[0]?.extensions?.code, name).toBe('BAD_REQUEST');
    expect.soft(text, name).not.toMatch(/sesame|JSON at|position/);
    expect.soft(text, name).not.toMatch(inside);
  }
});

test('large valid requests are accepted: an inline image of 15 MB, a batch of prompts full of commas', async () => {
  const { send, upstream } = await startGuarded();
  const image = inlinePng('x'.repeat(11 * megabyte));
  const input = { grokVideo3: { prompt: 'A paper boat', images: [{ dataUri: image }] } };
  const one = await (await send({ query: submit, variables: { input } })).json();
  expect(one).toEqual({ data: { submitVideo: { task: { status: 'QUEUED' } } } });
  expect(upstream.submits[0]?.['image_urls']).toEqual([image]);

  const query =
    'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { task { status } } } } }';
  const orders = Array(20).fill({ input: { grokVideo3: { prompt: `A boat${','.repeat(600)}` } } });
  const { data } = await (await send({ query, variables: { orders } })).json();
  expect(data.submitVideos.outcomes).toEqual(Array(20).fill({ task: { status: 'QUEUED' } }));
}, 60_000);
