import { describe, expect, onTestFinished, test } from 'vitest';
import { withCache } from '../../src/database/cache/task-cache.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import type { VideoTask } from '../../src/tasks/task.ts';
import type { TaskStore } from '../../src/tasks/task-store.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { recordStatements } from '../support/statements.ts';
import { at, create } from '../support/task-store.ts';

interface Instance {
  readonly store: TaskStore;
  readonly database: Database;
}

/** The cached store of one instance, which gets the notifications of the others. */
async function open(url: string): Promise<Instance> {
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  // On PostgreSQL nothing is cached before the instance listens to notifications.
  await expect.poll(() => database.epoch()).not.toBeNull();
  return { database, store: withCache(createTaskStore(database.client), database) };
}

const reads = (statements: readonly string[]): string[] => statements.filter((text) => /^\s*SELECT.*Task/is.test(text));

describe.each(databaseProviders)('on %s', (provider) => {
  test('a task that is not written is rarely read from the database, for any number of requests', async () => {
    const { store } = await open(await freshDatabase(provider));
    const { id } = await create(store);
    await store.find(id);
    const statements = recordStatements();
    for (let round = 0; round < 50; round++) expect((await store.find(id))?.id).toBe(id);
    // With PostgreSQL a row is used for five seconds, and a busy machine may take longer than that.
    expect(reads(statements).length).toBeLessThan(5);
  });

  test('concurrent requests for a task share one read', async () => {
    const url = await freshDatabase(provider);
    const { id } = await create((await open(url)).store);
    const { store } = await open(url);
    await store.find('01a20300-0000-7000-8000-000000000000');
    const statements = recordStatements();
    const found = await Promise.all(Array.from({ length: 20 }, () => store.find(id)));
    expect(new Set(found.map((task) => task?.id))).toEqual(new Set([id]));
    expect(reads(statements)).toHaveLength(1);
  });

  test('a list rereads only the tasks that have changed', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const createdAt = [at(1), at(2), at(3)];
    const tasks = await Promise.all(createdAt.map((time) => create(one.store, { createdAt: time })));
    const page = { limit: 10, inverted: true };
    expect(await other.store.list({}, page)).toEqual(tasks);
    // No notification was sent, so the list can only show what the database has.
    const changed = await one.store.update(tasks[1] as VideoTask, { upstreamStatus: 'queued' });
    const statements = recordStatements();
    expect(await other.store.list({}, page)).toEqual([tasks[0], changed, tasks[2]]);
    const [versions, rows, ...more] = reads(statements);
    expect(versions).not.toContain('prompt');
    expect(rows).toContain('prompt');
    expect(more).toEqual([]);
    // On SQLite all cached rows are dropped once, because another connection has written.
    await other.store.list({}, page);
    statements.length = 0;
    await other.store.list({}, page);
    expect(reads(statements)).toHaveLength(1);
  });

  test('a list shows no task in a state that does not match the filter', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const [task, queued] = [await create(one.store), await create(one.store)];
    const plain = createTaskStore(other.database.client);
    const { list } = withCache(
      {
        ...plain,
        async listVersions(...parameters) {
          const versions = await plain.listVersions(...parameters);
          await one.store.update(task, { status: 'CANCELLED' });
          return versions;
        },
      },
      other.database,
    );
    expect(await list({ statuses: ['QUEUED'] }, { limit: 10, inverted: true })).toEqual([queued]);
  });

  test('a write during the read of a list is not hidden by it', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    const plain = createTaskStore(other.database.client);
    const store = withCache(
      {
        ...plain,
        async findMany(ids) {
          const tasks = await plain.findMany(ids);
          const told = new Promise<void>((resolve) => other.database.notifications?.receive(() => resolve()));
          await one.store.update(task, { upstreamStatus: 'queued' });
          one.database.notifications?.send(task.id);
          if (provider === 'postgresql') await told;
          // A read of any task notices that the file was written.
          await store.find('01a20300-0000-7000-8000-000000000000');
          return tasks;
        },
      },
      other.database,
    );
    await store.list({}, { limit: 10, inverted: true });
    expect((await store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('a write of another instance is read after its notification', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    expect((await other.store.find(task.id))?.version).toBe(1);
    await one.store.update(task, { upstreamStatus: 'queued' });
    one.database.notifications?.send(task.id);
    // On SQLite the data version of the file says so at once; with PostgreSQL the notification does.
    if (provider === 'sqlite') expect((await other.store.find(task.id))?.upstreamStatus).toBe('queued');
    await expect.poll(async () => (await other.store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('a read after a notification does not return the old task', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    await other.store.find(task.id);
    const seen = new Promise<string | null | undefined>((resolve) => {
      other.database.notifications?.receive(
        (id) => void other.store.find(id).then((found) => resolve(found?.upstreamStatus)),
      );
    });
    await one.store.update(task, { upstreamStatus: 'queued' });
    one.database.notifications?.send(task.id);
    if (provider === 'postgresql') expect(await seen).toBe('queued');
    else expect((await other.store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('a write over an older version is refused, and the next read is from the database', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    await other.store.find(task.id);
    await one.store.update(task, { upstreamStatus: 'queued' });
    expect(await other.store.update(task, { upstreamStatus: 'processing' })).toBeNull();
    expect((await other.store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('a write during a read is not hidden by it', async () => {
    const { store } = await open(await freshDatabase(provider));
    const task = await create(store);
    await Promise.all([
      store.find(task.id),
      store.update(task, { upstreamStatus: 'queued' }),
      store.find(task.id),
      store.find(task.id),
    ]);
    expect((await store.find(task.id))?.upstreamStatus).toBe('queued');
  });
});

test('an instance without notifications caches nothing', async () => {
  const { database, store } = await open(await freshDatabase('postgresql'));
  const { id } = await create(store);
  await database.client
    .$executeRaw`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`;
  await expect.poll(() => database.epoch()).toBeNull();
  const statements = recordStatements();
  await store.find(id);
  await store.find(id);
  expect(reads(statements).length).toBeGreaterThanOrEqual(1);
  await expect.poll(() => database.epoch(), { timeout: 10_000 }).toBe(2);
});
