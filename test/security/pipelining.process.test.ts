import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { held } from '../support/held-answer.ts';
import {
  callUp,
  expectAlive,
  orderBody,
  postOf,
  startGuarded,
  statusesIn,
  submit,
  subscriptionTo,
  whoami,
} from './guarded.ts';

const stream = { accept: 'text/event-stream' };
const patience = { timeout: 10_000, interval: 20 };

const surplus: Record<string, string> = {
  garbage: '\u0000\u0001\r\n\r\n',
  'a body that is longer than its length': '}',
  'headers that are too long': `GET /health HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`,
  'a request with two lengths': 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
  'bad chunks': 'POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
};

test.each(Object.entries(surplus))(
  'an order is answered as it was carried out, with any bytes behind it: %s',
  async (_, bytes) => {
    const service = await startGuarded();
    const accepted = held(service.upstream.onSubmit);
    service.upstream.onSubmit = accepted.answer;
    const line = await callUp(service.url, postOf(service, orderBody) + bytes);
    await accepted.arrived;
    await delay(100);
    expect(line.heard()).toBe('');
    accepted.release();
    expect(await line.closedWithin(5_000)).toBe(true);
    expect(line.heard()).toMatch(/^HTTP\/1\.1 200 [\s\S]*"status":"QUEUED"/);
    // What came behind was to be no request's answer.
    expect(statusesIn(line).slice(1)).toEqual(bytes.includes('chunked') ? ['400'] : []);
    expect(service.upstream.submits).toHaveLength(1);
    await expectAlive(service);
  },
);

test('line breaks behind a body, which old clients send, are nothing', async () => {
  const service = await startGuarded();
  const line = await callUp(service.url, `${postOf(service, whoami)}\r\n${postOf(service, whoami)}\r\n`);
  await expect.poll(() => statusesIn(line), patience).toEqual(['200', '200']);
  const last = await callUp(service.url, `${postOf(service, whoami, { connection: 'close' })}\r\n`);
  expect(await last.closedWithin(5_000)).toBe(true);
  expect(statusesIn(last)).toEqual(['200']);
});

test('the requests of a connection are carried out and answered one after the other', async () => {
  const service = await startGuarded();
  const accepted = held(service.upstream.onSubmit);
  service.upstream.onSubmit = accepted.answer;
  const list = { query: '{ videoTasks(first: 9) { edges { node { status } } } }' };
  // Known, so that it would be answered at once.
  for (const _ of [1, 2]) expect((await (await service.send(list)).json()).data.videoTasks.edges).toEqual([]);
  const requests = [orderBody, list, orderBody, list];
  const texts = requests.map((body, index) => postOf(service, body, { 'x-request-id': `id-${index}` }));
  const line = await callUp(service.url, texts.join(''));
  await accepted.arrived;
  await delay(200);
  expect(line.heard()).toBe('');
  expect(service.upstream.submits).toHaveLength(1);
  service.upstream.onSubmit = (response) => response.end(JSON.stringify({ id: 'video_2', status: 'queued' }));
  accepted.release();
  await expect.poll(() => statusesIn(line), patience).toHaveLength(4);
  expect(line.heard().match(/(?<=x-request-id: )\S+/g)).toEqual(['id-0', 'id-1', 'id-2', 'id-3']);
  const bodies = line
    .heard()
    .match(/\{"data".*?\}(?=HTTP|$)/g)
    ?.map((text) => JSON.parse(text).data);
  expect(bodies?.map((data) => data.videoTasks?.edges.length ?? data.submitVideo.task.status)).toEqual([
    'QUEUED',
    1,
    'QUEUED',
    2,
  ]);
});

test('an order that waits behind another answer is not carried out when its client hangs up first', async () => {
  const service = await startGuarded({ TRACKER_FIRST_CHECK_MS: '60000', MAX_SUBSCRIPTIONS: '1' });
  const id = await submit(service);
  const watching = postOf(service, subscriptionTo(id), stream);
  const line = await callUp(service.url, watching + watching + postOf(service, orderBody));
  await expect.poll(line.heard, patience).toContain('event: next');
  line.socket.resetAndDestroy();
  // The only place there is was given back, and the second subscription did not take it.
  const next = async () => {
    const another = await callUp(service.url, watching);
    await expect.poll(another.heard, patience).toMatch(/event: (next|complete)/);
    return another.heard();
  };
  await expect.poll(next, patience).toContain('"status":"QUEUED"');
  expect(service.upstream.submits).toHaveLength(1);
});

test('a connection on which too many requests wait is closed, and other clients are answered meanwhile', async () => {
  const service = await startGuarded({ TRACKER_FIRST_CHECK_MS: '60000' });
  const id = await submit(service);
  const waiting = postOf(service, whoami);
  const line = await callUp(service.url, postOf(service, subscriptionTo(id), stream) + waiting.repeat(32));
  await expect.poll(line.heard, patience).toContain('event: next');
  expect(await line.closedWithin(300)).toBe(false);
  line.socket.write(waiting.repeat(10));
  expect(await line.closedWithin(5_000)).toBe(true);
  await expectAlive(service);
});
