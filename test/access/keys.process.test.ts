import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp } from '../support/app.ts';
import {
  as,
  createKeyByCommand,
  createKeyFor,
  createKeysFor,
  revokeKey,
  runKeys,
  type TestKey,
} from '../support/callers.ts';
import { databaseProviders, freshDatabase, freshDirectory } from '../support/database.ts';
import { place, placed } from '../support/placing.ts';
import { startService } from '../support/process.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { apiKey, completed, startUpstream, status } from '../support/upstream.ts';

/** All stored bytes about keys: the SQLite file, or the rows of PostgreSQL. */
async function rawKeys(databaseUrl: string): Promise<string> {
  if (databaseUrl.startsWith('file:')) {
    const directory = dirname(databaseUrl.slice('file:'.length));
    return readdirSync(directory)
      .map((name) => readFileSync(`${directory}/${name}`, 'latin1'))
      .join('\n');
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('SELECT * FROM "ApiKey"');
  await client.end();
  return JSON.stringify(rows);
}

/** The columns that the list shows of a key. */
async function listed(databaseUrl: string, id: string): Promise<Record<string, string>> {
  const { stdout, code } = await runKeys(databaseUrl, 'list');
  expect(code).toBe(0);
  const rows = stdout.split('\n').map((line) => line.split('│').map((cell) => cell.trim().replaceAll("'", '')));
  const names = rows.find((row) => row.includes('client')) ?? [];
  const values = rows.find((row) => row.includes(id)) ?? [];
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

const viewerDocument = '{ videoClient { name scopes limits { submitsPerMinute secondsPerDay callsPerDay } } }';

const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
const change = (status: string) => ({ data: { videoTaskUpdated: { status } } });

describe.each(databaseProviders)('on %s', (provider) => {
  test('a key is shown once, when it is made; the database keeps its hash and the part to recognise it by', async () => {
    const databaseUrl = await freshDatabase(provider);
    const made = await runKeys(databaseUrl, 'create', '--name', 'app');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const [key = '', id = '', secret = ''] = /^(gvk_[0-9a-f]{12})_([A-Za-z0-9_-]{43})$/m.exec(made.stdout) ?? [];
    expect(secret).not.toBe('');
    expect(made.stdout).toContain('It is not shown again.');

    const raw = await rawKeys(databaseUrl);
    expect(raw).toContain(id);
    expect(raw).toContain(createHash('sha256').update(key).digest('hex'));
    expect(raw).not.toContain(secret);
    expect(raw).not.toContain(Buffer.from(secret, 'base64url').toString('latin1'));
    const list = await runKeys(databaseUrl, 'list');
    expect(list.stdout).toContain(id);
    expect(list.stdout).not.toContain(secret);

    const app = await createTestApp({ databaseUrl });
    expect(await as(app, { key }).query('{ videoClient { name scopes } }')).toEqual({
      data: { videoClient: { name: 'app', scopes: ['READ', 'SUBMIT'] } },
    });
  });

  test('a key is valid on every running instance as soon as it is created, and on none after it is revoked', async () => {
    const databaseUrl = await freshDatabase(provider);
    const other = await createKeyFor(databaseUrl, { client: 'other' });
    const settings = { GROK_API_KEY: apiKey, GROK_API_BASE_URL: (await startUpstream()).url, LOG_LEVEL: 'trace' };
    const start = () => startService({ ...settings, DATABASE_URL: databaseUrl });
    const instances = [await start(), await start()];
    const answersTo = ({ key }: { key: string }) =>
      Promise.all(
        instances.map(async ({ url }) => {
          const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
          const response = await fetch(url, { method: 'POST', headers, body: '{"query":"{ videoClient { name } }"}' });
          return [response.status, (await response.json()).data?.videoClient.name];
        }),
      );
    const made = await createKeyByCommand(databaseUrl, '--name', 'app');
    for (const _ of ['at once', 'and then']) {
      expect(await answersTo(made)).toEqual([
        [200, 'app'],
        [200, 'app'],
      ]);
    }
    const revoked = await runKeys(databaseUrl, 'revoke', made.id);
    expect(revoked).toEqual({ code: 0, stdout: `${made.id} opens nothing any more.\n`, stderr: '' });
    expect(await answersTo(made)).toEqual([
      [401, undefined],
      [401, undefined],
    ]);
    expect(await answersTo(other)).toEqual([
      [200, 'other'],
      [200, 'other'],
    ]);
    for (const { log } of instances) for (const { key } of [made, other]) expect(log()).not.toContain(key);
  });

  test('a subscription whose key is revoked gets no further event, and the subscriptions of other keys go on', async () => {
    const app = await createTrackedApp(provider);
    const keys = await createKeysFor(app.databaseUrl, { ended: {}, kept: {} });
    const { task } = await placed(as(app, keys.kept), anOrder);
    const watch = (key: TestKey) => as(app, key).subscribe(watchDocument, { id: task.id });
    const [ended, kept] = [watch(keys.ended), watch(keys.kept)];
    for (const watching of [ended, kept]) expect((await watching.next()).value).toEqual(change('QUEUED'));

    expect(await revokeKey(app.databaseUrl, keys.ended)).toBe(true);
    app.upstream.onCheck = status('processing');
    app.untilNextCheck();
    expect((await kept.next()).value).toEqual(change('PROCESSING'));
    const { value } = await ended.next();
    expect(Object.keys(value)).toEqual(['errors']);
    expect(value.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED', retryable: false } }]);
    expect(await ended.next()).toEqual({ value: undefined, done: true });

    app.upstream.onCheck = completed;
    app.untilNextCheck();
    expect((await kept.next()).value).toEqual(change('COMPLETED'));
  });
});

test('the list shows the client, the scopes and limits of a key, and when it was created, last used and revoked', async () => {
  const databaseUrl = await freshDatabase();
  expect(await runKeys(databaseUrl, 'list')).toEqual({ code: 0, stdout: 'There are no keys.\n', stderr: '' });
  const before = new Date().toISOString();
  const flags = ['--name', 'studio', '--scope', 'admin', '--quota', 'submits=5,calls=0'];
  const { id, key } = await createKeyByCommand(databaseUrl, ...flags);
  const other = await createKeyByCommand(databaseUrl, '--name', 'other');
  const minute = (iso: string) => iso.slice(0, 16).replace('T', ' ');
  const row = { id, client: 'studio', scopes: 'admin', 'submits/min': '5', 'seconds/day': 'default', 'calls/day': '0' };
  const unused = await listed(databaseUrl, id);
  expect(unused).toMatchObject({ ...row, 'last used': '', revoked: '' });
  expect(unused['created']! >= minute(before) && unused['created']! <= minute(new Date().toISOString())).toBe(true);

  const app = await createTestApp({ databaseUrl, now: () => new Date('2026-11-22T12:34:56.789Z') });
  await as(app, { key }).query(viewerDocument);
  await expect
    .poll(() => listed(databaseUrl, id), { timeout: 20_000 })
    .toMatchObject({ 'last used': '2026-11-22 12:34' });
  await runKeys(databaseUrl, 'revoke', id);
  const ended = await listed(databaseUrl, id);
  expect(ended).toMatchObject({ ...row, 'last used': '2026-11-22 12:34' });
  expect(ended['revoked']! >= minute(before) && ended['revoked']! <= minute(new Date().toISOString())).toBe(true);
  expect(await listed(databaseUrl, other.id)).toMatchObject({ client: 'other', 'last used': '', revoked: '' });
});

test('the use of a key is recorded once a minute, and never for a refused key', async () => {
  const clock = { now: new Date('2026-11-22T12:00:00.000Z') };
  const app = await createTestApp({ now: () => clock.now });
  const { key, id } = await createKeyFor(app.databaseUrl);
  const noted = async () => (await listed(app.databaseUrl, id))['last used'];
  const useAt = (time: string) => {
    clock.now = new Date(time);
    return as(app, { key }).query(viewerDocument);
  };
  await as(app, { key: `${key.slice(0, -1)}!` }).query(viewerDocument);
  await as(app, { key: `${id}_${'A'.repeat(43)}` }).query(viewerDocument);
  expect(await noted()).toBe('');
  await useAt('2026-11-22T12:00:30.000Z');
  await expect.poll(noted, { timeout: 20_000 }).toBe('2026-11-22 12:00');
  await useAt('2026-11-22T12:01:29.999Z');
  expect(await noted()).toBe('2026-11-22 12:00');
  await useAt('2026-11-22T12:01:30.001Z');
  await expect.poll(noted, { timeout: 20_000 }).toBe('2026-11-22 12:01');
});

test('a key has the scopes and the quota it was made with, and the defaults of the service for the rest', async () => {
  const databaseUrl = await freshDatabase();
  const plain = await createKeyByCommand(databaseUrl, '--name', 'plain');
  const flags = ['--scope', 'submit', '--quota', 'submits=1,seconds=15'];
  const bounded = await createKeyByCommand(databaseUrl, '--name', 'bounded', ...flags);
  const app = await createTestApp({ databaseUrl, settings: { SUBMITS_PER_MINUTE: '7', CALLS_PER_DAY: '9' } });
  const videoClient = async (key: { key: string }) => (await as(app, key).query(viewerDocument)).data.videoClient;
  const defaults = { submitsPerMinute: 7, secondsPerDay: null, callsPerDay: 9 };
  expect(await videoClient(plain)).toEqual({ name: 'plain', scopes: ['READ', 'SUBMIT'], limits: defaults });
  expect(await videoClient(bounded)).toEqual({
    name: 'bounded',
    scopes: ['SUBMIT'],
    limits: { ...defaults, submitsPerMinute: 1, secondsPerDay: 15 },
  });
  await placed(as(app, bounded), anOrder);
  expect((await place(as(app, bounded), anOrder)).errors?.[0]?.extensions.code).toMatch(/RATE_LIMITED|QUOTA_EXCEEDED/);
  await placed(as(app, plain), anOrder);
  expect(app.upstream.submits).toHaveLength(2);
});

test.each<[what: string, args: string[], says: RegExp]>([
  ['a client without a name', ['create'], /^--name must be .+\n$/],
  ['a name that is none', ['create', '--name', 'jwt:somebody'], /^--name must be .+\n$/],
  [
    'a scope that there is not',
    ['create', '--name', 'app', '--scope', 'read,fly'],
    /^--scope must be .+read, submit, admin\.\n$/,
  ],
  ['no scope at all', ['create', '--name', 'app', '--scope', ''], /^--scope must be .+\n$/],
  ['a quota of something else', ['create', '--name', 'app', '--quota', 'hours=1'], /^--quota hours=1 .+\n$/],
  ['a quota that is no number', ['create', '--name', 'app', '--quota', 'submits=-1'], /^--quota submits=-1 .+\n$/],
  ['an option that there is not', ['create', '--name', 'app', '--days', '3'], /--days.*\n$/],
  [
    'a key that there is not',
    ['revoke', 'gvk_000000000000'],
    /^There is no valid key with the id gvk_000000000000\.\n$/,
  ],
  ['a command that there is not', ['destroy'], /^Usage: npm run keys -- <command>\n/],
  ['nothing', [], /^Usage: npm run keys/],
])('the command is told %s: it says what is wrong, ends with 1 and makes no key', async (_, args, says) => {
  const databaseUrl = await freshDatabase();
  const { code, stdout, stderr } = await runKeys(databaseUrl, ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/ {4}at /);
  expect(await rawKeys(databaseUrl)).not.toMatch(/gvk_[0-9a-f]{12}/);
});

test.each(['--help', '-h', 'help'])('%s says how the commands are used', async (argument) => {
  const { code, stdout, stderr } = await runKeys('file:./not/there.db', argument);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: npm run keys -- <command>/);
});

test('where no database is named, the command says which one it is, and how to get that of npm run dev', async () => {
  const run = async (...args: string[]) => {
    const env = { PATH: process.env['PATH'] ?? '' };
    const child = spawn(process.execPath, [resolve('src/keys.ts'), 'list', ...args], { cwd: freshDirectory(), env });
    return text(child.stderr);
  };
  expect(await run()).toBe(
    'The database is that of npm start, file:./data/videos.db. As long as GROK_API_KEY is not set, npm run dev uses file:./data/sandbox.db: for that one, add --development.\n',
  );
  expect(await run('--development')).toBe('');
});
