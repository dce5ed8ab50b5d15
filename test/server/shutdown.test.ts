import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, anOrder, createTestApp, submitDocument, type TestApp } from '../support/app.ts';
import { held } from '../support/held-answer.ts';
import { openStore } from '../support/task-store.ts';
import { hang, reply, status } from '../support/upstream.ts';

const accepted = reply(200, { id: 'video_1', status: 'queued' });

/** What a process manager gives a service after SIGTERM, before it kills it. */
const patienceMs = 10_000;

function post({ url }: TestApp, body: object, accept = 'application/json'): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

const order = async (testApp: TestApp): Promise<Answer> => {
  const response = await post(testApp, { query: submitDocument, variables: { input: anOrder } });
  return (await response.json()) as Answer;
};

async function stopWithin({ app }: TestApp, ms: number): Promise<void> {
  const stopped = app.stop().then(() => 'stopped');
  expect(await Promise.race([stopped, delay(ms, 'still stopping')])).toBe('stopped');
}

/** The tasks as the next start finds them. */
async function tasksLeftBy({ databaseUrl }: TestApp) {
  const store = await openStore(databaseUrl);
  return store.list({}, { limit: 10, inverted: false });
}

/** A connection that sends `text` and then nothing more. */
async function connection({ url }: TestApp, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (text) socket.write(text);
  // Long enough to have arrived.
  await delay(100);
  return socket;
}

test('a stop completes the open subscriptions', async () => {
  const testApp = await createTestApp({ started: true });
  testApp.upstream.onCheck = status('processing');
  const { id } = (await order(testApp)).data.submitVideo.task;
  const query = `subscription { videoTaskUpdated(id: "${id}") { status } }`;
  const response = await post(testApp, { query }, 'text/event-stream');
  const events = response.text();
  await stopWithin(testApp, 2_000);
  expect(await events).toMatch(/^event: next\ndata: .+\n[\s\S]*event: complete\n/m);
});

test('a stop waits for the answer of an order under way, gives it to the client and keeps it', async () => {
  const testApp = await createTestApp({ started: true });
  const submit = held((...exchange) => setTimeout(() => accepted(...exchange), 500));
  testApp.upstream.onSubmit = submit.answer;
  const answer = order(testApp);
  await submit.arrived;
  const stopped = testApp.app.stop();
  submit.release();
  expect((await answer).data.submitVideo.task).toMatchObject({ status: 'QUEUED', upstreamId: 'video_1' });
  await stopped;
  expect(await tasksLeftBy(testApp)).toMatchObject([{ status: 'QUEUED', upstreamId: 'video_1' }]);
});

test('an order whose answer does not come in time is left as unconfirmed, and the stop ends', async () => {
  const testApp = await createTestApp({ started: true });
  const submit = held(hang);
  testApp.upstream.onSubmit = submit.answer;
  const answer = order(testApp);
  await submit.arrived;
  await stopWithin(testApp, patienceMs);
  const { task } = (await answer).data.submitVideo;
  expect(task).toMatchObject({ status: 'UNCONFIRMED', failure: { code: 'SUBMISSION_UNCONFIRMED', mayBeBilled: true } });
  expect(await tasksLeftBy(testApp)).toMatchObject([{ id: task.id, status: 'UNCONFIRMED' }]);
  expect(testApp.upstream.submits).toHaveLength(1);
});

test('a service that is stopping takes no new orders and says that nothing was ordered', async () => {
  const testApp = await createTestApp({ started: true });
  const submit = held(accepted);
  testApp.upstream.onSubmit = submit.answer;
  const first = order(testApp);
  await submit.arrived;
  const stopped = testApp.app.stop();
  const refused = order(testApp);
  const { data, errors } = await Promise.race([refused, delay(3_000, { data: 'no answer', errors: undefined })]);
  submit.release();
  await Promise.all([first, refused, stopped]);
  expect(data).toEqual({ submitVideo: null });
  expect(errors?.[0]?.extensions.code).toBe('SERVICE_STOPPING');
  expect(testApp.upstream.submits).toHaveLength(1);
  expect(await tasksLeftBy(testApp)).toHaveLength(1);
});

test('a check under way is broken off, and its task is free for the next start', async () => {
  const testApp = await createTestApp({ started: true });
  const check = held(hang);
  testApp.upstream.onCheck = check.answer;
  await order(testApp);
  await check.arrived;
  await stopWithin(testApp, 2_000);
  expect(await tasksLeftBy(testApp)).toMatchObject([{ status: 'QUEUED', leasedUntil: null }]);
  expect(testApp.upstream.checks).toHaveLength(1);
});

test.each([
  ['says nothing, as browsers open them in advance', ''],
  ['has sent half of its headers', 'POST /graphql HTTP/1.1\r\nhost: localhost\r\n'],
  [
    'has sent half of its body',
    'POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"query":',
  ],
])('a connection that %s does not keep the service from stopping', async (_, text) => {
  const testApp = await createTestApp({ started: true });
  await connection(testApp, text);
  await stopWithin(testApp, patienceMs);
});

test('after a stop the port is closed, and stopping again, also concurrently, does no harm', async () => {
  const testApp = await createTestApp({ started: true });
  expect((await fetch(new URL('/ready', testApp.url))).status).toBe(200);
  await Promise.all([testApp.app.stop(), testApp.app.stop()]);
  await testApp.app.stop();
  await expect(fetch(new URL('/ready', testApp.url))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});
