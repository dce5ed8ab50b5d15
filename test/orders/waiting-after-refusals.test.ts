import { connect, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TaskStatus } from '../../src/tasks/task.ts';
import type { WaitReason } from '../../src/tasks/wait-reasons.ts';
import { closedPort } from '../support/closed-port.ts';
import { databaseProviders } from '../support/database.ts';
import { hourMs, minuteMs } from '../support/domain.ts';
import { usageOf } from '../support/limited-app.ts';
import { readTask } from '../support/placing.ts';
import { type Answer, halfBody, hang, reply, reset, startUpstream } from '../support/upstream.ts';
import { background, createWaitingApp, order, someLooks, untilSent } from '../support/waiting-app.ts';

const noCredit = { error: { code: 'insufficient_user_quota' } };

/** Every reply that proves that nothing was accepted, why the order waits after it, and how long nothing is sent. */
const refusals: [what: string, answer: Answer, reason: WaitReason, pauseMs: number][] = [
  ['401', reply(401), 'ACCESS_DENIED', 1_000],
  ['402', reply(402), 'PAYMENT_REQUIRED', 1_000],
  ['403', reply(403), 'ACCESS_DENIED', 1_000],
  ['403 for want of credit', reply(403, noCredit), 'PAYMENT_REQUIRED', 1_000],
  ['429 for want of credit', reply(429, noCredit), 'PAYMENT_REQUIRED', 1_000],
  ['429', reply(429), 'RATE_LIMITED', 1_000],
  ['429 with Retry-After', reply(429, '', { 'retry-after': '120' }), 'RATE_LIMITED', 2 * minuteMs],
  ['429 with a wait in its body', reply(429, { error: 'Busy.', retry_after: 30 }), 'RATE_LIMITED', 30_000],
  ['429 with Retry-After of a day', reply(429, '', { 'retry-after': '86400' }), 'RATE_LIMITED', 15 * minuteMs],
];

const sentAgain = [
  { from: 'SUBMITTING', to: 'WAITING', cause: 'SUBMIT' },
  { from: 'WAITING', to: 'SUBMITTING', cause: 'TURN' },
  { from: 'SUBMITTING', to: 'QUEUED', cause: 'SUBMIT' },
];

const historyOf = ({ history }: { history: { edges: { node: { from: string; to: string; cause: string } }[] } }) =>
  history.edges.map(({ node: { from, to, cause } }) => ({ from, to, cause }));

const onEach = databaseProviders.flatMap((provider) =>
  // What the reply means does not depend on the database, so PostgreSQL is tried with a few.
  refusals.slice(provider === 'sqlite' ? 0 : 6).map((row) => [...row, provider] as const),
);

describe('a reply that proves that nothing was accepted', () => {
  test.each(onEach)(
    'after HTTP %s an order waits for as long as it has to, and is then sent again, once',
    async (_, answer, reason, pauseMs, provider) => {
      const app = await createWaitingApp({ provider });
      const { onSubmit } = app.upstream;
      app.upstream.onSubmit = answer;
      const { task } = await order(app);
      expect(task).toMatchObject({ status: 'WAITING', failure: null, waiting: { reason, ahead: 0 } });
      expect(task.waiting?.estimatedStartAt).toBe(new Date(app.clock.now.getTime() + pauseMs).toISOString());

      app.upstream.onSubmit = onSubmit;
      app.advance(pauseMs - 1);
      await someLooks();
      expect(app.upstream.submits).toHaveLength(1);
      app.advance(1);
      await expect.poll(async () => (await readTask(app, task.id)).status, background).toBe('QUEUED');
      app.advance(hourMs);
      await someLooks();
      expect(app.upstream.submits).toHaveLength(2);
      expect(historyOf(await readTask(app, task.id))).toEqual(sentAgain);
      expect(await usageOf(app)).toMatchObject({ seconds: 10 });
    },
  );

  test.each(databaseProviders)('without a connection an order waits until there is one, on %s', async (provider) => {
    const upstream = await startUpstream();
    const port = await closedPort();
    const app = await createWaitingApp({ provider, upstream: { ...upstream, url: `http://127.0.0.1:${port}` } });
    const { task } = await order(app);
    expect(task).toMatchObject({ status: 'WAITING', waiting: { reason: 'UNREACHABLE' } });
    const relay = createServer((socket) => {
      const onwards = connect(Number(new URL(upstream.url).port), '127.0.0.1');
      for (const end of [socket, onwards]) end.on('error', () => {});
      socket.pipe(onwards).pipe(socket);
    });
    relay.listen(port, '127.0.0.1');
    onTestFinished(() => void relay.close());
    await someLooks();
    expect(upstream.submits).toEqual([]);
    app.advance(1_000);
    await expect.poll(async () => (await readTask(app, task.id)).status, background).toBe('QUEUED');
    expect(upstream.submits).toHaveLength(1);
    expect(historyOf(await readTask(app, task.id))).toEqual(sentAgain);
  });
});

const taken = reply(429, { id: 'video_1' });

/** Every other reply, and what becomes of the order. */
const others: [what: string, answer: Answer, status: TaskStatus, code: string | null][] = [
  ['400', reply(400, { message: 'No boats.' }), 'FAILED', 'UPSTREAM_REFUSED'],
  ['404', reply(404), 'FAILED', 'UPSTREAM_REFUSED'],
  ['422', reply(422, { detail: [{ msg: 'image is larger than 10 MB' }] }), 'FAILED', 'UPSTREAM_REFUSED'],
  ['403 for its content', reply(403, { error: { code: 'content_policy_violation' } }), 'FAILED', 'UPSTREAM_REFUSED'],
  ['408', reply(408), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['500', reply(500), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['503 with Retry-After', reply(503, '', { 'retry-after': '1' }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['a reset', reset, 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['half of a body', halfBody('{"stat'), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['half of the body of a 429', halfBody('{"stat', 429), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['a redirect', reply(307, '', { location: '/elsewhere' }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['no answer in time', hang, 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['429 with an id', taken, 'QUEUED', null],
  ['429 with an id, and an error', reply(429, { id: 'video_1', error: 'Busy.' }), 'QUEUED', null],
  ['401 with an id', reply(401, { task_id: 'video_1' }), 'QUEUED', null],
  ['429 with an unusable id', reply(429, { id: '..' }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['429 with an id that is too long', reply(429, { id: 'x'.repeat(256) }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['402 with an object for an id', reply(402, { id: { a: 1 } }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  [
    '429 with an error and a task deeper inside',
    reply(429, { error: 'Busy.', data: { task_id: 'video_1' } }),
    'UNCONFIRMED',
    'SUBMISSION_UNCONFIRMED',
  ],
  ['429 for an order that is queued', reply(429, { status: 'queued' }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
];

test('after every other reply an order does not wait, and is never sent again', async () => {
  const app = await createWaitingApp({ settings: { GROK_SUBMIT_TIMEOUT_MS: '200' } });
  const { onSubmit } = app.upstream;
  for (const [what, answer, status, code] of others) {
    app.upstream.onSubmit = answer;
    const { task } = await order(app);
    expect(task, what).toMatchObject({ status, failure: code && { code }, waiting: null });
  }
  app.upstream.onSubmit = onSubmit;
  for (const pauseMs of [1_000, minuteMs, 16 * minuteMs, 24 * hourMs]) {
    app.advance(pauseMs);
    await someLooks();
  }
  expect(app.upstream.submits).toHaveLength(others.length);
  // None of them blocks the account: the next order is sent at once.
  expect((await order(app)).task.status).toBe('QUEUED');
});

test('an upstream that always asks for a second gets longer pauses, so that an order outlasts a busy hour', async () => {
  const app = await createWaitingApp();
  app.upstream.onSubmit = reply(429, '', { 'retry-after': '1' });
  const { task } = await order(app);
  for (const [index, pauseMs] of [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000, 4_000].entries()) {
    app.advance(pauseMs - 1);
    await someLooks();
    expect(app.upstream.submits).toHaveLength(index + 1);
    app.advance(1);
    await untilSent(app, index + 2);
    await expect.poll(async () => (await readTask(app, task.id)).status, background).toBe('WAITING');
  }
});
