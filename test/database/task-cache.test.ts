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

/** An instance of the service as far as its tasks go, which hears of what others write. */
async function open(url: string): Promise<Instance> {
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  // On PostgreSQL nothing is believed before the instance listens.
  await expect.poll(() => database.epoch()).not.toBeNull();
  return { database, store: withCache(createTaskStore(database.client), database) };
}

const reads = (statements: readonly string[]): string[] => statements.filter((text) => /^\s*SELECT.*Task/is.test(text));

describe.each(databaseProviders)('on %s', (provider) => {
  test('a task that nobody writes is hardly ever read, however many ask', async () => {
    const { store } = await open(await freshDatabase(provider));
    const { id } = await create(store);
    await store.find(id);
    const statements = recordStatements();
    for (let round = 0; round < 50; round++) expect((await store.find(id))?.id).toBe(id);
    // With PostgreSQL it is believed for five seconds, and a busy machine may take longer than that.
    expect(reads(statements).length).toBeLessThan(5);
  });

  test('who asks for a task that is being read shares that read', async () => {
    const url = await freshDatabase(provider);
    const { id } = await create((await open(url)).store);
    const { store } = await open(url);
    await store.find('01a20300-0000-7000-8000-000000000000');
    const statements = recordStatements();
    const found = await Promise.all(Array.from({ length: 20 }, () => store.find(id)));
    expect(new Set(found.map((task) => task?.id))).toEqual(new Set([id]));
    expect(reads(statements)).toHaveLength(1);
  });

  test('a list reads again only those of its tasks that it does not know as they are', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const createdAt = [at(1), at(2), at(3)];
    const tasks = await Promise.all(createdAt.map((time) => create(one.store, { createdAt: time })));
    const page = { limit: 10, inverted: true };
    expect(await other.store.list({}, page)).toEqual(tasks);
    // Nobody is told: what the list shows is what the database has.
    const changed = await one.store.update(tasks[1] as VideoTask, { upstreamStatus: 'queued' });
    const statements = recordStatements();
    expect(await other.store.list({}, page)).toEqual([tasks[0], changed, tasks[2]]);
    const [versions, rows, ...more] = reads(statements);
    expect(versions).not.toContain('prompt');
    expect(rows).toContain('prompt');
    expect(more).toEqual([]);
    // On SQLite all that was known is forgotten once, because somebody else has written.
    await other.store.list({}, page);
    statements.length = 0;
    await other.store.list({}, page);
    expect(reads(statements)).toHaveLength(1);
  });

  test('a list shows no task as it was not when it met the filter', async () => {
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

  test('a list that a write has overtaken does not hide the write', async () => {
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
          // Whoever asks for any task learns that something was written.
          await store.find('01a20300-0000-7000-8000-000000000000');
          return tasks;
        },
      },
      other.database,
    );
    await store.list({}, { limit: 10, inverted: true });
    expect((await store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('what another instance has written is read, once it is said that something was', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    expect((await other.store.find(task.id))?.version).toBe(1);
    await one.store.update(task, { upstreamStatus: 'queued' });
    one.database.notifications?.send(task.id);
    // On SQLite the file itself says so, at once; with PostgreSQL somebody does.
    if (provider === 'sqlite') expect((await other.store.find(task.id))?.upstreamStatus).toBe('queued');
    await expect.poll(async () => (await other.store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('who is told that a task has changed does not read what it was', async () => {
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

  test('a write that was overtaken by another instance is refused, and the next read is a new one', async () => {
    const url = await freshDatabase(provider);
    const [one, other] = [await open(url), await open(url)];
    const task = await create(one.store);
    await other.store.find(task.id);
    await one.store.update(task, { upstreamStatus: 'queued' });
    expect(await other.store.update(task, { upstreamStatus: 'processing' })).toBeNull();
    expect((await other.store.find(task.id))?.upstreamStatus).toBe('queued');
  });

  test('a read that a write has overtaken does not hide the write', async () => {
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

test('while nobody tells an instance what others write, it believes nothing', async () => {
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
