import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anOrder, createTestApp, nothing, submitDocument, type TestApp } from '../support/app.ts';
import { freshDatabase, freshDirectory } from '../support/database.ts';
import { holdWriteLock } from '../support/sqlite-lock.ts';
import { statusesIn } from '../support/statuses.ts';
import { reply } from '../support/upstream.ts';

const submit = ({ query }: TestApp) => query(submitDocument, { input: anOrder });

async function overPg<Result>(databaseUrl: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const statusesOverPg = (databaseUrl: string) =>
  overPg(databaseUrl, async (client) =>
    (await client.query('SELECT "status" FROM "Task"')).rows.map((row) => row.status),
  );

const unavailable = { data: nothing, errors: [{ extensions: { code: 'DATABASE_UNAVAILABLE', retryable: true } }] };

describe('on SQLite', () => {
  test('a write lock held for a moment delays an order, one held too long refuses it before it is sent', async () => {
    const service = await createTestApp();
    await holdWriteLock(service.databaseUrl, 1_000);
    expect((await submit(service)).data.submitVideo.task.status).toBe('QUEUED');

    const { released } = await holdWriteLock(service.databaseUrl, 7_000);
    expect(await submit(service)).toMatchObject(unavailable);
    expect(service.upstream.submits).toHaveLength(1);

    await released;
    expect((await submit(service)).data.submitVideo.task.status).toBe('QUEUED');
    expect(statusesIn(service.databaseUrl)).toEqual(['QUEUED', 'QUEUED']);
  });

  test('an answer that finds the database locked is saved as soon as the lock is gone', async () => {
    const service = await createTestApp();
    let released: Promise<unknown> = Promise.resolve();
    service.upstream.onSubmit = async (response, request) => {
      ({ released } = await holdWriteLock(service.databaseUrl, 6_000));
      reply(200, { id: 'video_paid', status: 'queued' })(response, request);
    };
    const { data } = await submit(service);
    await released;
    expect(data.submitVideo.task).toMatchObject({ status: 'QUEUED', upstreamId: 'video_paid' });
    expect(statusesIn(service.databaseUrl)).toEqual(['QUEUED']);
    expect(service.upstream.submits).toHaveLength(1);
  });

  test('what a refused order costs is given back, however late the refusal is saved', async () => {
    const service = await createTestApp();
    let released: Promise<unknown> = Promise.resolve();
    service.upstream.onSubmit = async (response, request) => {
      // Longer than a client waits for an answer to be saved.
      ({ released } = await holdWriteLock(service.databaseUrl, 12_000));
      reply(429, { error: 'busy' })(response, request);
    };
    const { errors } = await submit(service);
    expect(errors?.[0]?.extensions.code).toBe('ANSWER_NOT_SAVED');
    await released;
    await expect.poll(() => statusesIn(service.databaseUrl), { timeout: 10_000 }).toEqual(['FAILED']);
    const seconds = async () =>
      (await service.query('{ videoClient { usage { seconds } } }')).data.videoClient.usage.seconds;
    await expect.poll(seconds, { timeout: 5_000 }).toBe(0);
  });

  // Root writes even to files that are marked read-only, so it takes a file system of its own to be full or read-only.
  const mounts = canMount();
  if (!mounts) console.warn('SKIPPED: a full and a read-only disk need the right to mount a file system');

  test.skipIf(!mounts)('a full disk refuses orders before they are sent, until there is room again', async () => {
    const directory = mountSmallDisk();
    const service = await createTestApp({ databaseUrl: `file:${directory}/videos.db` });
    execFileSync('sh', ['-c', `cat /dev/zero > ${directory}/filler 2>/dev/null || true`]);
    // What SQLite has already reserved takes a few more orders.
    await expect.poll(() => submit(service)).toMatchObject(unavailable);
    const paid = service.upstream.submits.length;
    expect(await submit(service)).toMatchObject(unavailable);
    expect(service.upstream.submits).toHaveLength(paid);
    const ready = async () => (await service.app.fetch(new Request('http://localhost/ready'))).json();
    expect(await ready()).toMatchObject({
      status: 'ready',
      database: expect.stringContaining('refused the last write'),
    });

    execFileSync('rm', [`${directory}/filler`]);
    expect((await submit(service)).data.submitVideo.task.status).toBe('QUEUED');
    expect(statusesIn(service.databaseUrl).at(-1)).toBe('QUEUED');
  });

  test.skipIf(!mounts)('a read-only disk keeps the service from starting', async () => {
    const directory = mountSmallDisk();
    const databaseUrl = `file:${directory}/videos.db`;
    const { app } = await createTestApp({ databaseUrl });
    await app.stop();
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    await expect(createTestApp({ databaseUrl })).rejects.toThrow(`The database ${databaseUrl} cannot be opened`);
  });
});

describe('on PostgreSQL', () => {
  test('orders are refused before they are sent while every connection waits, and taken again afterwards', async () => {
    const service = await createTestApp({ databaseUrl: await freshDatabase('postgresql') });
    await overPg(service.databaseUrl, async (locker) => {
      await locker.query('BEGIN; LOCK TABLE "Task" IN ACCESS EXCLUSIVE MODE');
      const refused = await Promise.all(Array.from({ length: 15 }, () => submit(service)));
      for (const answer of refused) expect(answer).toMatchObject(unavailable);
      expect(service.upstream.submits).toEqual([]);
    });
    expect((await submit(service)).data.submitVideo.task.status).toBe('QUEUED');
    expect(await statusesOverPg(service.databaseUrl)).toEqual(['QUEUED']);
  });

  test('the next order works after all connections were cut', async () => {
    const service = await createTestApp({ databaseUrl: await freshDatabase('postgresql') });
    await submit(service);
    await overPg(service.databaseUrl, (killer) =>
      killer.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      ),
    );
    const first = await submit(service);
    const second = await submit(service);
    expect(second.data.submitVideo.task.status).toBe('QUEUED');
    // The first may have met a connection that was being cut; then nothing was sent.
    const queued = first.errors ? 2 : 3;
    expect(service.upstream.submits).toHaveLength(queued);
    expect(await statusesOverPg(service.databaseUrl)).toHaveLength(queued);
  });
});

function canMount(): boolean {
  try {
    const directory = execFileSync('mktemp', ['-d']).toString().trim();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return true;
  } catch {
    return false;
  }
}

function mountSmallDisk(): string {
  const directory = freshDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}
