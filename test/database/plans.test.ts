import { describe, expect, onTestFinished, test } from 'vitest';
import { createTasks, retired } from '../../bench/many-tasks.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import type { TaskFilter, TaskPage } from '../../src/tasks/task-filter.ts';
import type { TaskStore } from '../../src/tasks/task-store.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { explaining, type PathsOf } from '../support/plans.ts';
import { at, create } from '../support/task-store.ts';

/** Enough for PostgreSQL to prefer an index to reading everything. */
const tasks = 20_000;

const bench = { clients: ['bench'] };
const clientsOwn = 'Task_client_id_idx';
const clientsChosen = 'Task_client_status_model_id_idx';
const chosen = 'Task_status_model_id_idx';
const rows = 'Task_pkey';

/** What lists may be about, and by which indexes each is read: several runs of one, and then the rows. */
const lists: readonly [filter: TaskFilter, paths: readonly string[]][] = [
  [bench, [clientsOwn]],
  [{ clients: [retired] }, [clientsOwn]],
  [{ clients: ['nobody'] }, [clientsOwn]],
  [{ ...bench, statuses: ['COMPLETED'] }, [clientsChosen, rows]],
  [{ ...bench, statuses: ['CANCELLED'] }, [clientsChosen, rows]],
  [{ ...bench, statuses: ['QUEUED', 'PROCESSING', 'UNCONFIRMED'] }, [clientsChosen, rows]],
  [{ ...bench, models: ['GROK_VIDEO3'] }, [clientsChosen, rows]],
  [{ ...bench, models: ['GROK_VIDEO3_STABLE', 'GROK_VIDEO3_PRO'] }, [clientsChosen, rows]],
  [{ ...bench, statuses: ['COMPLETED'], models: ['GROK_VIDEO3'] }, [clientsChosen]],
  [{ ...bench, statuses: ['FAILED'], models: ['GROK_VIDEO3_STABLE'] }, [clientsChosen]],
  [{ clients: [retired], statuses: ['COMPLETED'], models: ['GROK_VIDEO3'] }, [clientsChosen]],
  // A caller that sees all tasks:
  [{}, [rows]],
  [{ clients: ['another', retired, 'nobody'] }, [clientsOwn, rows]],
  [{ clients: ['another', retired], statuses: ['FAILED', 'COMPLETED'] }, [clientsChosen, rows]],
  [{ statuses: ['COMPLETED'] }, [chosen, rows]],
  [{ statuses: ['CANCELLED', 'QUEUED'] }, [chosen, rows]],
  [{ models: ['GROK_VIDEO3_STABLE'] }, [chosen, rows]],
  [{ statuses: ['FAILED'], models: ['GROK_VIDEO3_STABLE'] }, [chosen]],
];

/** The pages of a list that lies around a task. */
function pagesAround(id: string, createdAt: Date): readonly [name: string, Partial<TaskFilter & TaskPage>][] {
  return [
    ['the first page', {}],
    ['the last page', { inverted: true }],
    ['the page after', { olderThan: id }],
    ['the page before', { newerThan: id, inverted: true }],
    ['what is newer', { createdAfter: createdAt }],
    ['what is older', { createdBefore: createdAt, newerThan: '01' }],
  ];
}

async function openMany(url: string): Promise<{ database: Database; store: TaskStore; pathsOf: PathsOf }> {
  await createTasks(url, tasks);
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  return { database, store: createTaskStore(database.client), pathsOf: await explaining(url) };
}

describe.each(databaseProviders)('on %s', (provider) => {
  test('every page of every list is read from an index that has it in order', async () => {
    const { database, store, pathsOf } = await openMany(await freshDatabase(provider));
    const [middle] = await database.client.task.findMany({ orderBy: { id: 'asc' }, skip: tasks / 2, take: 1 });
    const { id = '', createdAt = new Date() } = middle ?? {};
    for (const [filter, paths] of lists) {
      for (const [name, page] of pagesAround(id, createdAt)) {
        const asked = [
          { ...filter, ...page },
          { limit: 21, inverted: false, ...page },
        ] as const;
        const list = () => Promise.all([store.list(...asked), store.listVersions(...asked)]);
        expect.soft(await pathsOf(list), `${name} of ${JSON.stringify(filter)}`).toEqual(new Set(paths));
      }
    }
  });

  test('everything else finds its tasks by an index', async () => {
    const { store, pathsOf } = await openMany(await freshDatabase(provider));
    const task = await create(store, { client: 'bench', idempotencyKey: 'key' });
    const { id, client } = task;
    const ids = [...(await store.list({}, { limit: 20, inverted: false })).map((one) => one.id), id];
    const asked: readonly [ask: () => Promise<unknown>, paths: readonly string[]][] = [
      [() => store.find(id), [rows]],
      [() => store.findMany(ids), [rows]],
      [() => store.findByIdempotencyKeys(client, ['key', '"key"']), ['Task_client_idempotencyKey_key']],
      [() => store.findByUpstreamId(`video_${id}`), ['Task_upstreamId_idx']],
      [() => store.listResubmissions(id, client, 20), ['Task_resubmissionOfId_client_id_idx']],
      // Those that repeat one task, which are few.
      [() => store.listResubmissions(id, undefined, 20), ['Task_resubmissionOfId_client_id_idx, sorted']],
      [() => store.claimDue(at(1), at(2), 10), ['Task_nextCheckAt_idx', rows]],
      [() => store.listWaiting(10, []), ['Task_turn_id_idx']],
      [() => store.listWaiting(10, ['another']), ['Task_turn_id_idx']],
      [() => store.listTooLate(at(1), 10), ['Task_status_startBefore_idx']],
      [() => store.lastTurnOf(client), ['Task_client_turn_idx']],
      [() => store.countWaitingBefore(7, 10), ['Task_turn_id_idx']],
      [() => store.update({ id, version: 2 }, { status: 'QUEUED' }), [rows]],
    ];
    for (const [ask, paths] of asked)
      expect.soft(paths, String(ask)).toEqual(expect.arrayContaining([...(await pathsOf(ask))]));
  });
});
