import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { type TaskStatus, taskStatuses, type VideoTask } from '../../src/tasks/task.ts';
import type { TaskFilter, TaskPage } from '../../src/tasks/task-filter.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { at, create, openStore, promptsOf } from '../support/task-store.ts';

const clients = ['ann', 'bob', 'eve'];
const manyClients = Array.from({ length: 60 }, (_, index) => `nobody ${index}`);
const statuses = Object.keys(taskStatuses) as TaskStatus[];

/** How many of the tasks are in each state, up to 5. */
const countsOf = (tasks: readonly VideoTask[], chosen: readonly TaskStatus[] = statuses) =>
  [...new Set(chosen)].map((status) => ({
    status,
    count: Math.min(tasks.filter((task) => task.status === status).length, 5),
  }));

describe.each(databaseProviders)('a list of tasks on %s', (provider) => {
  /** Five tasks, a second apart, called by their place. */
  async function storeOfFive() {
    const store = await openStore(await freshDatabase(provider));
    const tasks: VideoTask[] = [];
    for (const [index, change] of (
      [
        { model: 'GROK_VIDEO3', status: 'QUEUED' },
        { model: 'GROK_VIDEO3_PRO', status: 'QUEUED' },
        { model: 'GROK_VIDEO3_MAX', status: 'FAILED' },
        { model: 'GROK_VIDEO3', status: 'FAILED' },
        { model: 'GROK_VIDEO3_PRO', status: 'COMPLETED' },
      ] as const
    ).entries()) {
      tasks.push(await create(store, { ...change, prompt: `${index}`, createdAt: at(index * 1_000) }));
    }
    const list = async (filter: TaskFilter, page: Partial<TaskPage> = {}) =>
      promptsOf(await store.list(filter, { limit: 10, inverted: false, ...page })).join('');
    return { list, ids: tasks.map(({ id }) => id) };
  }

  test('is the newest first, or inverted the oldest first, and no longer than the limit', async () => {
    const { list } = await storeOfFive();
    expect(await list({})).toBe('43210');
    expect(await list({}, { inverted: true })).toBe('01234');
    expect(await list({}, { limit: 2 })).toBe('43');
    expect(await list({}, { limit: 2, inverted: true })).toBe('01');
    expect(await list({}, { limit: 0 })).toBe('');
  });

  test('goes on after an id, without that id, in both directions', async () => {
    const { list, ids } = await storeOfFive();
    expect(await list({}, { olderThan: ids[3], limit: 2 })).toBe('21');
    expect(await list({}, { newerThan: ids[1], inverted: true, limit: 2 })).toBe('23');
    expect(await list({}, { newerThan: ids[0], olderThan: ids[4] })).toBe('321');
    expect(await list({}, { olderThan: ids[0] })).toBe('');
  });

  test('holds only what meets every condition of the filter', async () => {
    const { list, ids } = await storeOfFive();
    expect(await list({ statuses: ['QUEUED', 'COMPLETED'] })).toBe('410');
    expect(await list({ models: ['GROK_VIDEO3', 'GROK_VIDEO3_MAX'] })).toBe('320');
    expect(await list({ statuses: ['FAILED'], models: ['GROK_VIDEO3'] })).toBe('3');
    expect(await list({ statuses: [] })).toBe('');
    expect(await list({ createdAfter: at(1_000), createdBefore: at(3_000) })).toBe('21');
    expect(await list({ createdAfter: at(1_001), createdBefore: at(3_001) })).toBe('32');
    expect(await list({ createdAfter: at(1_000), models: ['GROK_VIDEO3_PRO'] }, { olderThan: ids[4] })).toBe('1');
  });

  test('equals a search through all tasks, for every combination of conditions', async () => {
    const store = await openStore(await freshDatabase(provider));
    const tasks: VideoTask[] = [];
    for (let index = 0; index < 90; index++) {
      const [client, status, model] = [clients[index % 3], statuses[index % 7], modelNames[(index >> 1) % 4]];
      if (client && status && model) tasks.push(await create(store, { client, status, model, createdAt: at(index) }));
    }
    const sometimes = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 });
    const some = <Value>(values: readonly Value[]) => fc.array(fc.constantFrom(...values), { maxLength: 4 });
    const time = sometimes(fc.nat(90).map(at));
    const id = sometimes(fc.constantFrom(...tasks.map((task) => task.id)));
    const filters = fc.record({
      // More combinations than one statement reads.
      clients: sometimes(fc.oneof(some(clients), fc.constant([...clients, ...manyClients]))),
      statuses: sometimes(some(statuses)),
      models: sometimes(some(modelNames)),
      ids: sometimes(some(tasks.map((task) => task.id))),
      createdAfter: time,
      createdBefore: time,
    });
    const pages = fc.record({ newerThan: id, olderThan: id, limit: fc.nat(8), inverted: fc.boolean() });
    const listed = fc.asyncProperty(filters, pages, async (filter, page) => {
      const all = tasks.filter(
        (task) =>
          (filter.clients?.includes(task.client) ?? true) &&
          (filter.statuses?.includes(task.status) ?? true) &&
          (filter.models?.includes(task.model) ?? true) &&
          (filter.ids?.includes(task.id) ?? true) &&
          (!filter.createdAfter || task.createdAt >= filter.createdAfter) &&
          (!filter.createdBefore || task.createdAt < filter.createdBefore) &&
          (!page.newerThan || task.id > page.newerThan) &&
          (!page.olderThan || task.id < page.olderThan),
      );
      if (Object.values(page).every((bound) => bound === undefined || typeof bound !== 'string'))
        expect(await store.count(filter, 5)).toEqual(countsOf(all, filter.statuses));
      if (!page.inverted) all.reverse();
      expect(await store.list(filter, page)).toEqual(all.slice(0, page.limit));
    });
    await fc.assert(listed, { numRuns: 200 });
  });

  test('takes any time as a condition, before 1970 and far ahead too', async () => {
    const { list } = await storeOfFive();
    for (const long of ['0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00Z']) {
      expect.soft(await list({ createdAfter: new Date(long) }), `after ${long}`).toBe('43210');
      expect.soft(await list({ createdBefore: new Date(long) }), `before ${long}`).toBe('');
    }
    const far = new Date('9999-12-31T23:59:59.999Z');
    expect(await list({ createdBefore: far })).toBe('43210');
    expect(await list({ createdAfter: far })).toBe('');
  });
});
