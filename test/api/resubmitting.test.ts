import { describe, expect, test } from 'vitest';
import { capabilityOf, type ModelName, modelNames, optionsOf } from '../../src/catalogue/models.ts';
import { type TaskStatus, taskStatuses } from '../../src/tasks/task.ts';
import { anOrder } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { inlinePng } from '../support/images.ts';
import { imagesOf, inContractWords, optionNames, orderOf, upstreamBodyOf } from '../support/orders.ts';
import { countTasks, placed, readTask, sendWithHeader, taskIn } from '../support/placing.ts';
import {
  missingIds,
  notFound,
  resubmit,
  resubmitDocument,
  stateConflict,
  watchStatuses,
} from '../support/resolving.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { completed } from '../support/upstream.ts';

const statuses = Object.keys(taskStatuses) as TaskStatus[];
const ended = statuses.filter((status) => taskStatuses[status].terminal);
const active = statuses.filter((status) => !taskStatuses[status].terminal);
const images = ['https://images.example.com/1.png', 'https://images.example.com/2.png'];

describe.each(databaseProviders)('on %s', (provider) => {
  test('a resubmission is a new task that is followed by itself and linked with the old one both ways', async () => {
    const app = await createTrackedApp(provider);
    const old = await taskIn('FAILED', app);
    const before = await readTask(app, old);
    app.upstream.onCheck = completed;
    const { data, errors } = await resubmit(app, old);
    expect(errors).toBeUndefined();
    const { task, replayed } = data.resubmitVideo;
    expect(replayed).toBe(false);
    expect(task).toMatchObject({ status: 'QUEUED', upstreamId: 'video_2', resubmissionOf: { id: old } });
    expect(task.id).not.toBe(old);
    expect(await readTask(app, old)).toEqual({ ...before, resubmissions: [{ id: task.id }] });

    const watch = watchStatuses(app, task.id);
    expect(await watch.next()).toMatchObject({ value: 'QUEUED' });
    app.untilNextCheck();
    expect(await watch.next()).toMatchObject({ value: 'COMPLETED' });
    expect(await watch.next()).toMatchObject({ done: true });
    expect(app.upstream.checks.at(-1)).toBe('video_2');
    expect(await readTask(app, old)).toEqual({ ...before, resubmissions: [{ id: task.id }] });
  });

  test('a task can be resubmitted again and again, and so can its resubmissions', async () => {
    const app = await createTrackedApp(provider);
    const old = await taskIn('FAILED', app);
    const again = async (id: string) => (await resubmit(app, id)).data.resubmitVideo.task.id;
    const first = await again(old);
    app.untilNextCheck();
    const second = await again(old);
    await expect.poll(async () => (await readTask(app, first)).status).toBe('FAILED');
    const third = await again(first);
    expect((await readTask(app, old)).resubmissions).toEqual([{ id: second }, { id: first }]);
    expect(await readTask(app, first)).toMatchObject({ resubmissionOf: { id: old }, resubmissions: [{ id: third }] });
    expect(await readTask(app, old)).toMatchObject({ resubmissionOf: null });
    expect(app.upstream.submits).toHaveLength(4);
  });

  test('under one key a task is resubmitted once, also by concurrent requests', async () => {
    const app = await createTrackedApp(provider);
    const old = await taskIn('FAILED', app);
    const answers = await Promise.all(Array.from({ length: 10 }, () => resubmit(app, old, 'again-1')));
    answers.push(await resubmit(app, old, 'again-1'));
    const duplicates = answers.map(({ data }) => data.resubmitVideo);
    expect(duplicates.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(duplicates.map(({ task }) => task.id)).size).toBe(1);
    expect((await readTask(app, old)).resubmissions).toEqual([{ id: duplicates[0].task.id }]);
    expect(app.upstream.submits).toHaveLength(2);
  });
});

test.each(ended)('a task that is %s can be resubmitted', async (status) => {
  const app = await createTrackedApp();
  const old = await taskIn(status, app);
  const { data } = await resubmit(app, old);
  expect(data.resubmitVideo).toMatchObject({
    replayed: false,
    task: { status: 'QUEUED', resubmissionOf: { id: old } },
  });
  expect(app.upstream.submits).toHaveLength(2);
});

test.each(active)('a task that is %s cannot be resubmitted, nor is the key used up by trying', async (status) => {
  const app = await createTrackedApp();
  const old = await taskIn(status, app);
  const before = await readTask(app, old);
  const paid = app.upstream.submits.length;
  const answer = await resubmit(app, old, 'again-1');
  expect(answer).toMatchObject(stateConflict);
  expect(answer.errors?.[0]?.message).toContain(status);
  expect(app.upstream.submits).toHaveLength(paid);
  expect(await readTask(app, old)).toEqual(before);
  expect(await placed(app, orderOf('GROK_VIDEO3_PRO'), 'again-1')).toMatchObject({ replayed: false });
});

/** The last value of each option that can be chosen, which is the default of none. */
function chosenFor(model: ModelName) {
  const options = optionsOf(model);
  const settable = optionNames.filter((name) => options[name].settable);
  return Object.fromEntries(settable.map((name) => [name, options[name].values.at(-1)]));
}

test.each(modelNames)('a resubmission from %s sends what the order had sent', async (model) => {
  const app = await createTrackedApp();
  const chosen = chosenFor(model);
  const orders = [orderOf(model), orderOf(model, { ...inContractWords(chosen), images: imagesOf(images) })];
  for (const input of orders) await resubmit(app, await taskIn('FAILED', app, input));
  const bodies = [upstreamBodyOf(model), upstreamBodyOf(model, chosen, images)];
  expect(app.upstream.submits).toEqual(bodies.flatMap((body) => [body, body]));
});

const inlineModels = modelNames.filter((model) => capabilityOf(model).images.forms.includes('dataUri'));

test.each(inlineModels)(
  'an order from %s with an inline image is not resubmitted, as that is not kept',
  async (model) => {
    const app = await createTrackedApp();
    const input = orderOf(model, { images: imagesOf([images[0], inlinePng()]) });
    const old = await taskIn('FAILED', app, input);
    const answer = await resubmit(app, old, 'again-1');
    expect(answer).toMatchObject(stateConflict);
    expect(answer.errors?.[0]?.message).toMatch(/inline images.*not kept.*submitVideo/);
    expect(app.upstream.submits).toHaveLength(1);
    expect((await readTask(app, old)).resubmissions).toEqual([]);
    expect(await placed(app, anOrder, 'again-1')).toMatchObject({ replayed: false });
  },
);

test.each(missingIds)('the missing task %s is not resubmitted', async (id) => {
  const app = await createTrackedApp();
  expect(await resubmit(app, id)).toMatchObject(notFound);
  expect(await countTasks(app)).toBe(0);
  expect(app.upstream.submits).toEqual([]);
});

test('the key of a resubmission may come as a header, and stands for one order with those of submits', async () => {
  const app = await createTrackedApp();
  const old = await taskIn('FAILED', app);
  const first = (await sendWithHeader(app, 'again-1', resubmitDocument, { id: old })).data.resubmitVideo;
  expect(first).toMatchObject({ replayed: false });
  expect((await resubmit(app, old, 'again-1')).data.resubmitVideo).toEqual({ ...first, replayed: true });

  const other = await taskIn('FAILED', app, orderOf('GROK_VIDEO3_PRO'));
  expect((await resubmit(app, other, 'again-1')).errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
  const badKey = await resubmit(app, old, 'a b');
  expect(badKey.errors).toMatchObject([
    { extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['idempotencyKey'] }] } },
  ]);
  expect(app.upstream.submits).toHaveLength(3);
});

test("a resubmission under the key of another order, the task's own included, orders nothing", async () => {
  const app = await createTrackedApp();
  const { task } = await placed(app, anOrder, 'boat-1');
  const duplicate = await taskIn('FAILED', app);
  await expect.poll(async () => (await readTask(app, task.id)).status).toBe('FAILED');
  await resubmit(app, duplicate, 'again-1');
  // The order repeats another task, which would seem to have a resubmission and have none.
  const answers = [await resubmit(app, task.id, 'boat-1'), await resubmit(app, task.id, 'again-1')];
  expect(app.upstream.submits).toHaveLength(3);
  for (const { errors } of answers) expect.soft(errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
});
