import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { createVideoFileStore } from '../../src/database/prisma-video-file-store.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';

describe.each(databaseProviders)('the rows of stored videos over %s', (provider) => {
  async function storeWith(sizes: readonly number[]) {
    const database = await openDatabase(await freshDatabase(provider), silentLog);
    onTestFinished(() => database.close());
    const at = new Date('2026-11-28T00:00:00Z');
    const data = sizes.map((sizeBytes, index) => ({
      taskId: `019accd0-0000-7000-8000-00000000000${index}`,
      client: 'app',
      state: 'STORED',
      name: `videos/${index}`,
      sizeBytes,
      createdAt: at,
      dueAt: at,
    }));
    await database.client.videoFile.createMany({ data });
    return { store: createVideoFileStore(database.client), at };
  }

  test('the bytes of a client are counted beyond what 32 bits hold', async () => {
    const { store } = await storeWith([2_000_000_000, 2_000_000_000, 7]);
    expect(await store.storedBytes('app')).toBe(4_000_000_007);
    expect(await store.storedBytes('another')).toBe(0);
  });

  test('a row is claimed by one of several at once, and again when its lease is over', async () => {
    const { store, at } = await storeWith([1, 2, 3]);
    const lease = new Date(at.getTime() + 60_000);
    const claims = await Promise.all([1, 2, 3, 4].map(() => store.claimDue(at, lease, 2)));
    const ids = claims.flat().map(({ taskId }) => taskId);
    expect(new Set(ids).size).toBe(ids.length);
    await store.claimDue(at, lease, 10);
    expect(await store.claimDue(at, lease, 10)).toEqual([]);
    expect(await store.claimDue(lease, new Date(lease.getTime() + 60_000), 10)).toHaveLength(3);
  });

  test('a change of a row that was written since is refused', async () => {
    const { store, at } = await storeWith([1]);
    const [file] = await store.claimDue(at, at, 1);
    if (!file) throw new Error('There is no row.');
    expect(await store.update(file, { message: 'first' })).toMatchObject({ message: 'first' });
    expect(await store.update(file, { message: 'second' })).toBeNull();
    expect(await store.find(file.taskId)).toMatchObject({ message: 'first' });
  });

  test('a database keeps the first id that it is given for its file store', async () => {
    const { store } = await storeWith([]);
    const [one, other] = await Promise.all([store.storeId('one'), store.storeId('other')]);
    expect(one).toBe(other);
    expect(await store.storeId('third')).toBe(one);
  });
});
