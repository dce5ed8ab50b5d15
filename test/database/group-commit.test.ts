import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { recordStatements } from '../support/statements.ts';
import { create, newTask } from '../support/task-store.ts';

async function open() {
  const url = await freshDatabase('sqlite');
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  return { url, database, store: createTaskStore(database.client) };
}

/** What is in the file, read over a connection of the test's own. */
function idsIn(url: string): unknown[] {
  const database = new Database(url.slice('file:'.length), { readonly: true });
  onTestFinished(() => void database.close());
  return database.prepare('SELECT "id" FROM "Task" ORDER BY "id"').pluck().all();
}

test('writes that come together are committed together', async () => {
  const { url, store } = await open();
  const statements = recordStatements();
  const tasks = await Promise.all(Array.from({ length: 20 }, () => create(store)));
  expect(statements.filter((text) => text.startsWith('INSERT'))).toHaveLength(20);
  expect(statements.filter((text) => text === 'COMMIT')).toHaveLength(1);
  expect(idsIn(url)).toEqual(tasks.map(({ id }) => id).sort());
});

test('a refused write does not affect the writes of its group', async () => {
  const { url, store } = await open();
  await create(store, { idempotencyKey: 'one' });
  const outcomes = await Promise.all(
    Array.from({ length: 9 }, (_nothing, index) =>
      store.create(newTask({ idempotencyKey: index % 3 === 0 ? 'one' : `other ${index}` })),
    ),
  );
  expect(outcomes.map((task) => task !== null)).toEqual([false, true, true, false, true, true, false, true, true]);
  expect(idsIn(url)).toHaveLength(7);
});

test('when the disk is full, the acknowledged writes are stored, and no others', async () => {
  const { url, database, store } = await open();
  const first = await create(store);
  await database.client.$queryRawUnsafe('PRAGMA max_page_count = 60');
  const prompt = 'Rain. '.repeat(800);
  const acknowledged = [first.id];
  let refused = 0;
  for (let round = 0; round < 20; round++) {
    const group = Array.from({ length: 5 }, () => create(store, { prompt }));
    for (const outcome of await Promise.allSettled(group)) {
      if (outcome.status === 'fulfilled') acknowledged.push(outcome.value.id);
      else {
        refused += 1;
        expect(outcome.reason).toMatchObject({ name: 'DatabaseUnavailableError' });
      }
    }
  }
  expect(acknowledged.length).toBeGreaterThan(5);
  expect(refused).toBeGreaterThan(5);
  expect(idsIn(url)).toEqual(acknowledged.sort());
});

test('when the database rolls a whole commit back, no write of it was acknowledged', async () => {
  const { url, database, store } = await open();
  await database.client.$executeRawUnsafe(
    `CREATE TRIGGER "gone" BEFORE INSERT ON "Task" WHEN NEW."prompt" = 'gone' BEGIN SELECT RAISE(ROLLBACK, 'gone'); END`,
  );
  const prompts = ['before', 'before', 'gone', 'after', 'after'];
  const outcomes = await Promise.allSettled(prompts.map((prompt) => create(store, { prompt })));
  expect(outcomes.map(({ status }) => status)).toEqual(prompts.map(() => 'rejected'));
  expect(idsIn(url)).toEqual([]);
  const later = await create(store);
  expect(idsIn(url)).toEqual([later.id]);
});
