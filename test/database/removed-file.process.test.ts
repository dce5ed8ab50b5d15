import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { freshDirectory } from '../support/database.ts';
import { startService } from '../support/process.ts';
import { statusesIn } from '../support/statuses.ts';
import { apiKey, reply, startUpstream } from '../support/upstream.ts';

const document = /* GraphQL */ `
  mutation ($key: String) {
    submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }, idempotencyKey: $key) { replayed task { status } }
  }
`;
const order = ({ query }: TestApp, key: string | null = null) => query(document, { key });
const refused = {
  errors: [{ message: expect.stringContaining('nothing was ordered'), extensions: { code: 'DATABASE_UNAVAILABLE' } }],
};
const accepted = { data: { submitVideo: { replayed: false, task: { status: 'QUEUED' } } } };

const ready = async ({ app }: TestApp) => (await app.fetch(new Request('http://localhost/ready'))).json();
/** What `/ready` says is up to a second old. */
const isSaid = (testApp: TestApp, database: string) =>
  expect
    .poll(() => ready(testApp), { timeout: 5_000 })
    .toMatchObject({
      status: 'ready',
      database: expect.stringContaining(database),
    });
const shell = (command: string, ...values: string[]) => void execFileSync('sh', ['-c', command, 'sh', ...values]);

/** What happens to the file ($1) or its directory ($2), and what puts it back, where that can be done. */
const losses: [name: string, happens: string, undone?: string][] = [
  ['removed', 'rm "$1" "$1"-wal "$1"-shm'],
  ['removed without what is beside it', 'rm "$1"'],
  ['moved', 'mv "$1" "$1.old"', 'mv "$1.old" "$1"'],
  ['replaced by a copy', 'cp "$1" "$1.new" && mv "$1.new" "$1"'],
  ['replaced by another file', 'mv "$1" "$1.old" && echo > "$1"', 'mv "$1.old" "$1"'],
  ['replaced by a directory', 'mv "$1" "$1.old" && mkdir "$1"', 'rmdir "$1" && mv "$1.old" "$1"'],
  ['removed with its directory', 'rm -r "$2"'],
  ['moved with its directory', 'mv "$2" "$2.old"', 'mv "$2.old" "$2"'],
  ['separated from its write-ahead log', 'mv "$1-wal" "$1-wal.old"', 'mv "$1-wal.old" "$1-wal"'],
  ['separated from its shared memory', 'mv "$1-shm" "$1-shm.old"', 'mv "$1-shm.old" "$1-shm"'],
];

test.each(losses)('once the file is %s, nothing is ordered, and /ready says why', async (_, happens, undone) => {
  const directory = `${freshDirectory()}/data`;
  const file = `${directory}/videos.db`;
  const testApp = await createTestApp({ databaseUrl: `file:${file}` });
  expect(await order(testApp)).toMatchObject(accepted);
  await isSaid(testApp, 'ok');

  shell(happens, file, directory);
  expect(await order(testApp, 'boat')).toMatchObject(refused);
  expect(await order(testApp, 'boat')).toMatchObject(refused);
  expect(testApp.upstream.submits).toHaveLength(1);
  await isSaid(testApp, 'removed, moved or replaced');

  if (!undone) return;
  shell(undone, file, directory);
  // The refused order has left nothing behind that would answer for it.
  expect(await order(testApp, 'boat')).toMatchObject(accepted);
  await isSaid(testApp, 'ok');
  expect(statusesIn(testApp.databaseUrl)).toEqual(['QUEUED', 'QUEUED']);
});

test('once the file is moved, no order that waits is sent, until it is back', async () => {
  const upstream = await startUpstream();
  const { onSubmit } = upstream;
  upstream.onSubmit = reply(429, '', { 'retry-after': '0.02' });
  const file = `${freshDirectory()}/videos.db`;
  const testApp = await createTestApp({ databaseUrl: `file:${file}`, upstream, started: true });
  expect(await order(testApp)).toMatchObject({ data: { submitVideo: { task: { status: 'WAITING' } } } });
  shell('mv "$1" "$1.old"', file);
  await isSaid(testApp, 'removed, moved or replaced');
  upstream.onSubmit = onSubmit;
  const sent = upstream.submits.length;
  // Time for many looks at the orders that wait.
  await sleep(500);
  expect(upstream.submits).toHaveLength(sent);
  shell('mv "$1.old" "$1"', file);
  await expect.poll(() => upstream.submits.length, { timeout: 10_000 }).toBe(sent + 1);
  await expect.poll(() => statusesIn(testApp.databaseUrl)).not.toContain('WAITING');
});

test.each([
  ['overwritten by a backup', 'cat "$1.backup" > "$1"'],
  ['emptied', ': > "$1"'],
])('once the file is %s, nothing is ordered any more, although it grows again', async (_, happens) => {
  const file = `${freshDirectory()}/videos.db`;
  const testApp = await createTestApp({ databaseUrl: `file:${file}` });
  shell('cp "$1" "$1.backup"', file);
  const { query, upstream } = testApp;
  // As much as makes SQLite move what is in its log into the file.
  const long = 'mutation ($prompt: String!) { submitVideo(input: { grokVideo3: { prompt: $prompt } }) { replayed } }';
  for (let number = 0; number < 250; number++) await query(long, { prompt: 'A paper boat. '.repeat(700) });
  expect(await order(testApp)).toMatchObject(accepted);
  const paid = upstream.submits.length;
  shell(happens, file);
  for (let time = 0; time < 3; time++) expect(await order(testApp)).toMatchObject(refused);
  expect(upstream.submits).toHaveLength(paid);
  await expect.poll(async () => (await ready(testApp)).database, { timeout: 5_000 }).not.toBe('ok');
});

test('once a link leads to another file, nothing is ordered', async () => {
  const directory = freshDirectory();
  shell('mkdir "$1/one" "$1/two"', directory);
  symlinkSync(`${directory}/one/videos.db`, `${directory}/videos.db`);
  const testApp = await createTestApp({ databaseUrl: `file:${directory}/videos.db` });
  expect(await order(testApp)).toMatchObject(accepted);
  shell('cp "$1/one/videos.db" "$1/two/" && ln -sf "$1/two/videos.db" "$1/videos.db"', directory);
  expect(await order(testApp)).toMatchObject(refused);
  expect(testApp.upstream.submits).toHaveLength(1);
});

test('the log tells the operator once, with what to do', async () => {
  const upstream = await startUpstream();
  const file = `${freshDirectory()}/videos.db`;
  const service = await startService({
    DATABASE_URL: `file:${file}`,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
  });
  shell('rm "$1"', file);
  const body = JSON.stringify({ query: document });
  const headers = { 'content-type': 'application/json' };
  for (let time = 0; time < 3; time++) {
    const { errors } = await (await fetch(service.url, { method: 'POST', headers, body })).json();
    expect(errors[0].extensions.code).toBe('DATABASE_UNAVAILABLE');
  }
  expect(await service.end('SIGTERM')).toBe(0);
  expect(upstream.submits).toEqual([]);
  const told = service.log().match(/"file":.*removed, moved or replaced.*reliability\.md/g);
  expect(told).toHaveLength(1);
});

test('what was written before the write-ahead log was removed is in the file after a stop', async () => {
  const testApp = await createTestApp();
  expect(await order(testApp)).toMatchObject(accepted);
  shell('rm "$1-wal"', testApp.databaseUrl.slice('file:'.length));
  expect(await order(testApp)).toMatchObject(refused);
  await testApp.app.stop();
  expect(statusesIn(testApp.databaseUrl)).toEqual(['QUEUED']);
});
