import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp, type Speaker, submitDocument } from '../support/app.ts';
import { closedPort } from '../support/closed-port.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { createLimitedApp, rateLimited, secondsOrder, usageOf } from '../support/limited-app.ts';
import { orderOf } from '../support/orders.ts';
import { countTasks, isWaiting, place, placed, readTask, sendWithHeader, taskIn } from '../support/placing.ts';
import { resubmit } from '../support/resolving.ts';
import { rewriteRow, rowOf } from '../support/rows.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { type Answer, inTurn, reply, reset, startUpstream, status } from '../support/upstream.ts';

const busy = reply(429, { message: 'Too many boats.' });
const accepted = reply(200, { id: 'video_1', status: 'queued' });

/** Refusals after which nothing can be billed. */
const refusals: [code: string, answer: Answer][] = [
  ['UPSTREAM_REFUSED', reply(400, { message: 'No boats.' })],
  ['UPSTREAM_ACCESS_DENIED', reply(401)],
  ['UPSTREAM_PAYMENT_REQUIRED', reply(402)],
  ['UPSTREAM_RATE_LIMITED', busy],
];

/** The ids of all tasks and what each repeats, the oldest first. */
async function links({ query }: Pick<Speaker, 'query'>): Promise<[id: string, repeated: string | null][]> {
  const { data } = await query('{ videoTasks(first: 100) { edges { node { id resubmissionOf { id } } } } }');
  const nodes: { id: string; resubmissionOf: { id: string } | null }[] = data.videoTasks.edges.map(
    ({ node }: { node: object }) => node,
  );
  return nodes.map(({ id, resubmissionOf }): [string, string | null] => [id, resubmissionOf?.id ?? null]).toReversed();
}

describe.each(databaseProviders)('on %s', (provider) => {
  test.each(refusals)(
    '%s does not use the key up: the next order under it is sent, and linked',
    async (code, answer) => {
      const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
      app.upstream.onSubmit = inTurn(answer, answer, accepted);
      const first = await placed(app, anOrder, 'boat-1');
      expect(first).toMatchObject({ replayed: false, task: { status: 'FAILED', failure: { code } } });
      const second = await placed(app, anOrder, 'boat-1');
      expect(second).toMatchObject({ replayed: false, task: { status: 'FAILED', failure: { code } } });
      const third = await placed(app, anOrder, 'boat-1');
      expect(third).toMatchObject({ replayed: false, task: { status: 'QUEUED', failure: null } });
      expect(await placed(app, anOrder, 'boat-1')).toEqual({ ...third, replayed: true });
      expect(await links(app)).toEqual([
        [first.task.id, null],
        [second.task.id, first.task.id],
        [third.task.id, second.task.id],
      ]);
      expect(await readTask(app, first.task.id)).toMatchObject({
        status: 'FAILED',
        resubmissions: [{ id: second.task.id }],
      });
      expect(app.upstream.submits).toHaveLength(3);
    },
  );

  test('a connection that could not be made does not use the key up', async () => {
    const databaseUrl = await freshDatabase(provider);
    const nowhere = { GROK_API_BASE_URL: `http://127.0.0.1:${await closedPort()}` };
    const first = await placed(await createTestApp({ databaseUrl, settings: nowhere }), anOrder, 'boat-1');
    expect(first.task.failure).toEqual({ code: 'UPSTREAM_UNREACHABLE' });
    const app = await createTestApp({ databaseUrl });
    const second = await placed(app, anOrder, 'boat-1');
    expect(second).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
    expect(await links(app)).toEqual([
      [first.task.id, null],
      [second.task.id, first.task.id],
    ]);
  });

  test('of fifty duplicates at two services after such a failure, one is sent, and it is linked', async () => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    const apps = [await createTestApp({ databaseUrl, upstream }), await createTestApp({ databaseUrl, upstream })];
    upstream.onSubmit = inTurn(busy, accepted);
    const failed = await placed(apps[0]!, anOrder, 'boat-1');
    const duplicates = await Promise.all(
      Array.from({ length: 50 }, (_, index) => placed(apps[index % 2]!, anOrder, 'boat-1')),
    );
    expect(duplicates.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(duplicates.map(({ task }) => JSON.stringify(task))).size).toBe(1);
    expect(await links(apps[0]!)).toEqual([
      [failed.task.id, null],
      [duplicates[0]!.task.id, failed.task.id],
    ]);
    expect(upstream.submits).toHaveLength(2);
  });

  test('fifty duplicates that wait for an order at two services are answered with its failure, and none is sent', async () => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    const apps = [await createTestApp({ databaseUrl, upstream }), await createTestApp({ databaseUrl, upstream })];
    const order = held(busy);
    upstream.onSubmit = order.answer;
    const duplicates = Promise.all(
      Array.from({ length: 50 }, (_, index) => placed(apps[index % 2]!, anOrder, 'boat-1')),
    );
    await order.arrived;
    expect(await isWaiting(duplicates)).toBe(true);
    order.release();
    const answers = await duplicates;
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect(answers[0]?.task).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_RATE_LIMITED' } });
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(upstream.submits).toHaveLength(1);
    upstream.onSubmit = accepted;
    expect(await placed(apps[1]!, anOrder, 'boat-1')).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
  });

  test('a duplicate that arrives between the giving up and the taking of the key is linked to the failed task', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    app.upstream.onSubmit = inTurn(busy, busy, busy, accepted);
    await placed(app, anOrder, 'boat-1');
    const second = await placed(app, anOrder, 'boat-1');
    // The state that a process leaves when it dies after the second order has given the key up and before the third has
    // taken it.
    const lost = await placed(app, anOrder, 'boat-1');
    await rewriteRow(app.databaseUrl, lost.task.id, { idempotencyKey: 'another' });
    const other = await createTestApp({ databaseUrl: app.databaseUrl, upstream: app.upstream });
    const third = await placed(other, anOrder, 'boat-1');
    expect(third).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
    expect((await rowOf(app.databaseUrl, third.task.id)).resubmissionOfId).toBe(second.task.id);
    expect(await placed(app, anOrder, 'boat-1')).toEqual({ ...third, replayed: true });
  });
});

/** Ends of an order after which it may be billed, or has to be looked for. */
const paidFor: [what: string, onSubmit: Answer, onCheck?: Answer][] = [
  ['lost', reset],
  ['answered with HTTP 500', reply(500, { message: 'No boats.' })],
  ['accepted and failed', accepted, status('failed', { error: 'The camera broke.' })],
  ['accepted and refused for its content', accepted, status('failed', { error: 'Content moderation.' })],
  ['accepted and cancelled', accepted, status('cancelled')],
];

test.each(paidFor)('an order that was %s keeps its key', async (_, onSubmit, onCheck) => {
  const app = await createTrackedApp();
  app.upstream.onSubmit = inTurn(onSubmit, accepted);
  const first = await placed(app, anOrder, 'boat-1');
  if (onCheck) {
    app.upstream.onCheck = onCheck;
    app.untilNextCheck();
    await expect.poll(async () => (await readTask(app, first.task.id)).completedAt).not.toBeNull();
  }
  expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: true, task: { id: first.task.id } });
  const { errors } = await place(app, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
  expect(errors).toMatchObject([{ extensions: { code: 'IDEMPOTENCY_KEY_MISMATCH', taskId: first.task.id } }]);
  expect(app.upstream.submits).toHaveLength(1);
});

test('a key that is given back is free for another order, which repeats nothing', async () => {
  const app = await createTestApp();
  app.upstream.onSubmit = inTurn(busy, accepted);
  await placed(app, anOrder, 'boat-1');
  const other = await placed(app, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
  expect(other).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
  expect((await rowOf(app.databaseUrl, other.task.id)).resubmissionOfId).toBeNull();
  const { errors } = await place(app, anOrder, 'boat-1');
  expect(errors).toMatchObject([{ extensions: { code: 'IDEMPOTENCY_KEY_MISMATCH', taskId: other.task.id } }]);
  expect(app.upstream.submits).toHaveLength(2);
});

test('an order that the limits refuse leaves the key as it is, and one that is sent again is counted again', async () => {
  const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '2' });
  app.upstream.onSubmit = inTurn(busy, accepted);
  const failed = await placed(app, secondsOrder(10), 'boat-1');
  await app.query(submitDocument, { input: anOrder });
  expect(await place(app, secondsOrder(10), 'boat-1')).toMatchObject(rateLimited(2, 40));
  expect((await rowOf(app.databaseUrl, failed.task.id)).idempotencyKey).toBe('boat-1');
  expect(app.upstream.submits).toHaveLength(2);
  app.setTime('2026-11-22T12:01:00.000Z');
  const again = await placed(app, secondsOrder(10), 'boat-1');
  expect(again.replayed).toBe(false);
  expect((await rowOf(app.databaseUrl, again.task.id)).resubmissionOfId).toBe(failed.task.id);
  expect(await usageOf(app)).toEqual({ submits: 1, seconds: 20, calls: 0 });
});

test('a resubmission that failed for free is sent again under its key, and linked with what failed', async () => {
  const app = await createTrackedApp();
  const old = await taskIn('FAILED', app);
  app.upstream.onSubmit = inTurn(busy, accepted);
  const first = (await resubmit(app, old, 'again-1')).data.resubmitVideo;
  expect(first.task).toMatchObject({ status: 'FAILED', resubmissionOf: { id: old } });
  const second = (await resubmit(app, old, 'again-1')).data.resubmitVideo;
  expect(second).toMatchObject({ replayed: false, task: { status: 'QUEUED', resubmissionOf: { id: first.task.id } } });
  expect((await resubmit(app, old, 'again-1')).data.resubmitVideo).toEqual({ ...second, replayed: true });
  expect(app.upstream.submits).toHaveLength(3);
});

test('the same order twice in a batch is sent once, though it fails for free', async () => {
  const app = await createTestApp();
  app.upstream.onSubmit = busy;
  const inputs = Array.from({ length: 20 }, () => ({ input: anOrder, idempotencyKey: 'boat-1' }));
  const document =
    'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { replayed task { id } } } } }';
  const { outcomes } = (await app.query(document, { orders: inputs })).data.submitVideos;
  expect(new Set(outcomes.map(({ task }: { task: { id: string } }) => task.id)).size).toBe(1);
  expect(outcomes.filter(({ replayed }: { replayed: boolean }) => !replayed)).toHaveLength(1);
  expect(app.upstream.submits).toHaveLength(1);
});

test('a key that an older version has kept with its quotes is given back as well', async () => {
  const app = await createTestApp();
  app.upstream.onSubmit = inTurn(busy, accepted);
  const failed = await placed(app, anOrder, 'boat-1');
  await rewriteRow(app.databaseUrl, failed.task.id, { idempotencyKey: '"boat-1"' });
  const document =
    'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input, options: { whenBusy: FAIL }) { replayed task { id resubmissionOf { id } } } }';
  const first = (await sendWithHeader(app, '"boat-1"', document)).data.submitVideo;
  expect(first).toMatchObject({ replayed: false, task: { resubmissionOf: { id: failed.task.id } } });
  expect((await sendWithHeader(app, '"boat-1"', document)).data.submitVideo).toEqual({ ...first, replayed: true });
  expect(app.upstream.submits).toHaveLength(2);
  expect(await countTasks(app)).toBe(2);
});
