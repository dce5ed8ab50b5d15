import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createTestApp, nothing } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { minuteMs } from '../support/domain.ts';
import { usageOf } from '../support/limited-app.ts';
import { begin, crashDuringSubmit, readTask, taskIn } from '../support/placing.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import {
  background,
  busyFor,
  cancel,
  conflict,
  createWaitingApp,
  order,
  orderNamed,
  promptsSent,
  someLooks,
} from '../support/waiting-app.ts';

const cancelAllDocument = /* GraphQL */ `
  mutation ($filter: VideoTaskFilter!) { cancelVideoTasks(filter: $filter) { ids count isComplete } }
`;

describe.each(databaseProviders)('on %s', (provider) => {
  test('a cancelled order is never sent, its budget is given back, and its key still stands for it', async () => {
    const app = await createWaitingApp({ provider });
    const { onSubmit } = app.upstream;
    app.upstream.onSubmit = busyFor(60);
    const { task: first } = await order(app, { key: 'boat-1' });
    const { task } = await order(app, { key: 'boat-2' });
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 20, calls: 0 });
    const cancelled = { id: task.id, status: 'CANCELLED', failure: null, waiting: null };
    for (let time = 0; time < 2; time++)
      expect((await cancel(app, task.id)).data).toEqual({ cancelVideoTask: { task: cancelled } });
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 10, calls: 0 });
    const replay = await order(app, { key: 'boat-2' });
    expect(replay).toMatchObject({ replayed: true, task: cancelled });

    app.upstream.onSubmit = onSubmit;
    app.advance(minuteMs);
    await expect.poll(async () => (await readTask(app, first.id)).status, background).toBe('QUEUED');
    await someLooks();
    expect(app.upstream.submits).toHaveLength(2);
    expect((await readTask(app, task.id)).history.edges).toMatchObject([
      { node: { from: 'SUBMITTING', to: 'WAITING', cause: 'HOLD' } },
      { node: { from: 'WAITING', to: 'CANCELLED', cause: 'CANCEL' } },
    ]);
  });

  test('of 50 orders that are cancelled while they are sent, each is cancelled and never sent, or sent', async () => {
    const app = await createWaitingApp({ provider });
    const { onSubmit } = app.upstream;
    app.upstream.onSubmit = busyFor(60);
    const prompts = Array.from({ length: 50 }, (_, index) => `boat ${index}`);
    const tasks = await Promise.all(prompts.map(async (prompt) => (await order(app, orderNamed(prompt))).task));
    const refused = app.upstream.submits.length;
    app.upstream.onSubmit = async (...exchange) => {
      await sleep(20);
      onSubmit(...exchange);
    };
    app.advance(minuteMs);
    await expect.poll(() => app.upstream.submits.length, background).toBeGreaterThan(refused);
    // From the last to the first, so that the cancels meet the sender in the middle.
    const answers = [];
    for (const { id } of tasks.toReversed()) answers.unshift(await cancel(app, id));
    await expect
      .poll(
        async () =>
          (await app.query('{ videoTaskCounts(filter: { statuses: [WAITING, SUBMITTING] }) { count } }')).data,
        background,
      )
      .toEqual({ videoTaskCounts: [{ count: 0 }, { count: 0 }] });
    const sent = promptsSent(app).slice(refused);
    expect(new Set(sent).size).toBe(sent.length);
    for (const [index, { data, errors }] of answers.entries()) {
      const { status } = await readTask(app, tasks[index]?.id ?? '');
      const wasSent = sent.includes(`boat ${index}`);
      expect({ index, status, wasSent }).toEqual({ index, status: wasSent ? 'QUEUED' : 'CANCELLED', wasSent });
      expect(errors?.[0]?.extensions.code ?? data.cancelVideoTask.task.status).toBe(
        wasSent ? 'TASK_STATE_CONFLICT' : 'CANCELLED',
      );
    }
    expect(sent.length).toBeLessThan(50);
    expect((await usageOf(app)).seconds).toBe(10 * sent.length);
  });

  test("several orders are cancelled by a filter: one's own, and those of others only where they are named", async () => {
    const grants = {
      ann: { client: 'ann' },
      bob: { client: 'bob' },
      reader: { client: 'ann', scopes: ['read'] },
      admin: { client: 'operator', scopes: ['admin'] },
    } as const;
    const app = await createWaitingApp({ provider, grants });
    const { ann, bob, reader, admin } = app.callers;
    const cancelAll = async (caller: typeof ann, filter: object) =>
      (await caller.query(cancelAllDocument, { filter })).data;
    const none = { cancelVideoTasks: { ids: [], count: 0, isComplete: true } };
    app.upstream.onSubmit = busyFor(60);
    const placed = { ann: [] as string[], bob: [] as string[], admin: [] as string[] };
    for (const name of ['ann', 'bob', 'admin'] as const)
      for (let time = 0; time < 2; time++) {
        app.advance(1);
        placed[name].unshift((await order(app.callers[name])).task.id);
      }

    expect(await cancelAll(ann, { clients: [] })).toEqual(none);
    expect(await cancelAll(ann, { clients: ['bob'] })).toEqual(none);
    expect(await cancelAll(ann, { statuses: ['QUEUED', 'FAILED'] })).toEqual(none);
    expect(await cancelAll(ann, { statuses: [] })).toEqual(none);
    expect(await cancelAll(ann, { ids: placed.bob })).toEqual(none);
    expect((await reader.query(cancelAllDocument, { filter: {} })).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(await cancel(ann, placed.bob[0] ?? '')).toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
    expect(await cancelAll(admin, { clients: [] })).toEqual(none);
    const all = (ids: string[]) => ({ cancelVideoTasks: { ids, count: 2, isComplete: true } });
    expect(await cancelAll(admin, {})).toEqual(all(placed.admin));
    expect(await cancelAll(ann, {})).toEqual(all(placed.ann));
    expect(await cancelAll(ann, {})).toEqual(none);
    expect(await cancelAll(admin, { clients: ['bob', 'ann'] })).toEqual(all(placed.bob));
    expect((await usageOf(bob)).seconds).toBe(0);
  });
});

test.each(['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'UNCONFIRMED'] as const)(
  'a task that is %s cannot be cancelled, and the answer says why',
  async (status) => {
    const app = await createTrackedApp();
    const id = await taskIn(status, app);
    const answer = await cancel(app, id);
    expect(answer).toMatchObject(conflict);
    expect(answer.errors?.[0]?.message).toMatch(
      status === 'UNCONFIRMED' ? /is UNCONFIRMED .* answer was lost/ : new RegExp(`is ${status} .*not sent yet`),
    );
    expect((await readTask(app, id)).status).toBe(status);
  },
);

test('an order cannot be cancelled while it is being sent', async () => {
  const app = await createTestApp({ databaseUrl: await freshDatabase(), now: () => begin });
  const id = await crashDuringSubmit(app, { now: begin });
  const answer = await cancel(app, id);
  expect(answer).toMatchObject(conflict);
  expect(answer.errors?.[0]?.message).toMatch(/is SUBMITTING .*being sent/);
});

test('what a filter of orders to cancel combines is counted, as it is for a list', async () => {
  const app = await createTestApp();
  const clients = Array.from({ length: 100 }, (_, index) => `client ${index}`);
  const fields = Array.from({ length: 3 }, (_, index) => `a${index}: cancelVideoTasks(filter: $filter) { count }`);
  const { data, errors } = await app.query(`mutation ($filter: VideoTaskFilter!) { ${fields.join(' ')} }`, {
    filter: { clients },
  });
  expect(data).toEqual(nothing);
  expect(errors?.[0]).toMatchObject({ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_COMPLEXITY' } });
});
