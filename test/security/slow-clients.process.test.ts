import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, createTestApp, readEvents, submitDocument, type TestApp } from '../support/app.ts';
import { createKeysFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { completed, status } from '../support/upstream.ts';
import { callUp, headOf, type Line } from './guarded.ts';

/** Sends `text` one character at a time, until the connection is closed. */
async function drip({ socket }: Line, text: string): Promise<void> {
  for (const character of text) {
    if (socket.destroyed) return;
    socket.write(character);
    await delay(100);
  }
}

const slow: Record<string, (line: Line) => void> = {
  'says nothing': () => {},
  'says its headers slowly': (line) => void drip(line, headOf({ 'x-padding': 'x'.repeat(1_000) })),
  'stops in its headers': ({ socket }) => void socket.write('POST /graphql HTTP/1.1\r\nhost: localh'),
  'says its body slowly': (line) => {
    line.socket.write(headOf({ 'content-length': 1_000 }));
    void drip(line, ' '.repeat(1_000));
  },
  'says a body without a length slowly': (line) => {
    line.socket.write(headOf({ 'transfer-encoding': 'chunked' }));
    void drip(line, '1\r\n \r\n'.repeat(200));
  },
  'stops in its body': ({ socket }) => void socket.write(`${headOf({ 'content-length': 1_000 })}{"query":`),
};

test.each(Object.entries(slow))(
  'the connection of a client that %s is closed, while others are answered',
  async (_, speak) => {
    const settings = { HEADERS_TIMEOUT_MS: '500', REQUEST_TIMEOUT_MS: '1000' };
    const testApp = await createTestApp({ started: true, settings });
    const lines = await Promise.all(Array.from({ length: 30 }, () => callUp(testApp.url)));
    for (const line of lines) speak(line);
    // The connection is not closed before its time.
    const early = lines.map((line) => line.closedWithin(300));
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(testApp, '{ videoClient { name } }')));
    for (const answer of answers) expect(await answer.json()).toEqual({ data: { videoClient: { name: 'local' } } });
    expect(await Promise.all(early)).toEqual(lines.map(() => false));
    // The timeout, the interval at which the service checks it, and some margin.
    const closed = await Promise.all(lines.map((line) => line.closedWithin(5_000)));
    expect(closed).toEqual(lines.map(() => true));
    for (const { heard } of lines) expect(heard()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
  },
);

const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status upstreamStatus } }';

function post(
  { url }: Pick<TestApp, 'url'>,
  query: string,
  variables: object = {},
  headers: object = {},
  signal?: AbortSignal,
) {
  const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
  return fetch(url, {
    method: 'POST',
    headers: all,
    body: JSON.stringify({ query, variables }),
    signal: signal ?? null,
  });
}

async function submit(testApp: TestApp, prompt = 'A paper boat', headers: object = {}): Promise<string> {
  const answer = await post(testApp, submitDocument, { input: { grokVideo3: { prompt } } }, headers);
  return (await answer.json()).data.submitVideo.task.id;
}

interface Watch {
  next(): Promise<Answer | undefined>;
  hangUp(): void;
}

/** Watches a task over server-sent events. */
async function watch(testApp: TestApp, id: string, headers: object = {}): Promise<Watch> {
  const hangingUp = new AbortController();
  onTestFinished(() => hangingUp.abort());
  const accept = { accept: 'text/event-stream', ...headers };
  const events = readEvents(await post(testApp, watchDocument, { id }, accept, hangingUp.signal));
  return { next: async () => (await events.next()).value as Answer | undefined, hangUp: () => hangingUp.abort() };
}

/** Subscribes as soon as the limit allows it, and stays. */
async function watchInTime(testApp: TestApp, id: string, headers: object = {}, timeout = 5_000): Promise<Watch> {
  const admitted: Watch[] = [];
  const attempt = async () => {
    const attempted = await watch(testApp, id, headers);
    const first = await attempted.next();
    if (first?.data?.videoTaskUpdated) admitted.push(attempted);
    return admitted.length;
  };
  await expect.poll(attempt, { timeout, interval: 100 }).toBe(1);
  return admitted[0]!;
}

const refused = (max: number) => ({
  errors: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_SUBSCRIPTIONS', max } }],
});

test('a subscriber that does not read is dropped, with its waiting events, once its connection is full', async () => {
  const stalledMs = 1_500;
  const settings = { STALLED_TIMEOUT_MS: String(stalledMs), MAX_SUBSCRIPTIONS: '1', MAX_ALIASES: '1000' };
  const testApp = await createTestApp({ started: true, settings });
  let checks = 0;
  // Each check is news, so that there is always something to send: half a megabyte at a time.
  testApp.upstream.onCheck = (...exchange) => status(`step ${checks++}`)(...exchange);
  const id = await submit(testApp, 'x'.repeat(10_000));
  const prompts = Array.from({ length: 50 }, (_, index) => `p${index}: prompt`).join(' ');
  const body = JSON.stringify({
    query: `subscription { videoTaskUpdated(id: "${id}") { upstreamStatus ${prompts} } }`,
  });
  const head = headOf({ accept: 'text/event-stream', 'content-length': body.length });
  const { socket, heard, closedWithin } = await callUp(testApp.url, head + body);
  await expect.poll(heard, { timeout: 5_000 }).toContain('event: next');
  socket.pause();
  const since = performance.now();
  // It holds the only place there is, and gives it back when it is dropped.
  expect(await (await watch(testApp, id)).next()).toMatchObject(refused(1));
  await watchInTime(testApp, id, {}, 20_000);
  expect(performance.now() - since).toBeGreaterThan(stalledMs);
  // More had happened than it was ever sent; the rest is gone.
  expect(checks).toBeGreaterThan(0);
  socket.resume();
  expect(await closedWithin(5_000)).toBe(true);
  expect(socket.bytesRead).toBeLessThan(16 * 1024 * 1024);
}, 40_000);

test('a subscriber that reads stays connected while nothing happens', async () => {
  // Nothing is sent but pings, every 300 ms as long as NODE_ENV is `test`, and every 12 s otherwise.
  const testApp = await createTestApp({ started: true, settings: { STALLED_TIMEOUT_MS: '1000' } });
  testApp.upstream.onCheck = status('processing');
  const id = await submit(testApp);
  const { next } = await watch(testApp, id);
  let last = await next();
  while (last?.data.videoTaskUpdated.status !== 'PROCESSING') last = await next();
  await delay(4_000);
  testApp.upstream.onCheck = completed;
  expect((await next())?.data.videoTaskUpdated.status).toBe('COMPLETED');
  expect(await next()).toBeUndefined();
});

test('a client has a limited number of open subscriptions, and may open another when one ends', async () => {
  const databaseUrl = await freshDatabase();
  const keys = await createKeysFor(databaseUrl, { ann: { client: 'ann' }, bob: { client: 'bob' } });
  const testApp = await createTestApp({ started: true, databaseUrl, settings: { MAX_SUBSCRIPTIONS: '2' } });
  const [ann, bob] = [keys.ann, keys.bob].map(({ key }) => ({ authorization: `Bearer ${key}` })) as [object, object];
  testApp.upstream.onCheck = (...exchange) =>
    (testApp.upstream.checks.at(-1) === ended ? completed : status('processing'))(...exchange);
  let ended = '';
  const [first, second] = [await submit(testApp, 'one', ann), await submit(testApp, 'two', ann)];
  const bobs = await submit(testApp, 'three', bob);

  const watches = [await watch(testApp, first, ann), await watch(testApp, second, ann)] as const;
  for (const { next } of watches) expect((await next())?.data.videoTaskUpdated).toBeDefined();
  const tooMany = await watch(testApp, second, ann);
  expect(await tooMany.next()).toMatchObject(refused(2));
  expect(await tooMany.next()).toBeUndefined();
  expect((await (await watch(testApp, bobs, bob)).next())?.data.videoTaskUpdated).toBeDefined();

  watches[0].hangUp();
  await watchInTime(testApp, first, ann);
  expect(await (await watch(testApp, second, ann)).next()).toMatchObject(refused(2));

  ended = 'video_2';
  while (await watches[1].next());
  await watchInTime(testApp, first, ann);
  expect(await (await watch(testApp, first, ann)).next()).toMatchObject(refused(2));
});
