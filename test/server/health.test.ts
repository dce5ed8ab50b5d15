import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { anOrder, createTestApp, submitDocument, type TestApp } from '../support/app.ts';
import { closedPort } from '../support/closed-port.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { silentLog } from '../support/log.ts';
import { apiKey, reply, reset } from '../support/upstream.ts';

/** What a load balancer sees. */
async function get({ app }: TestApp, path: string) {
  const response = await app.fetch(new Request(`http://localhost${path}`));
  const text = await response.text();
  return { httpStatus: response.status, text, body: (text === '' ? {} : JSON.parse(text)) as Record<string, string> };
}

/** Waits for readiness to be red, and returns what it says then. */
async function whenRed(testApp: TestApp) {
  await expect.poll(async () => (await get(testApp, '/ready')).httpStatus, { timeout: 10_000 }).toBe(503);
  const red = await get(testApp, '/ready');
  expect(red.body['status']).toBe('not ready');
  return red;
}

const becomesGreen = (testApp: TestApp) =>
  expect.poll(async () => (await get(testApp, '/ready')).httpStatus, { timeout: 10_000 }).toBe(200);

/** A PostgreSQL database of a user with a password that stands nowhere else, and the server's owner beside it. */
async function postgresWithSecret() {
  const ownerUrl = new URL(await freshDatabase('postgresql'));
  const name = ownerUrl.pathname.slice(1);
  const owner = new pg.Client({ connectionString: Object.assign(new URL(ownerUrl), { pathname: 'postgres' }).href });
  await owner.connect();
  onTestFinished(() => owner.end());
  const password = `secret${randomBytes(8).toString('hex')}`;
  await owner.query(`CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD '${password}'`);
  const databaseUrl = Object.assign(new URL(ownerUrl), { username: name, password }).href;
  const backends = async (): Promise<number[]> => {
    const { rows } = await owner.query('SELECT pid FROM pg_stat_activity WHERE datname = $1', [name]);
    return rows.map(({ pid }) => pid);
  };
  return { databaseUrl, password, owner, name, backends };
}

test('a service that works is alive and ready, part by part', async () => {
  const testApp = await createTestApp({ started: true });
  expect((await fetch(new URL('/health', testApp.url))).status).toBe(200);
  expect(await get(testApp, '/ready')).toMatchObject({
    httpStatus: 200,
    body: {
      status: 'ready',
      service: 'ok',
      database: 'ok',
      migrations: 'ok',
      upstream: 'ok',
      tracker: 'ok',
      trackerLagSeconds: 0,
    },
  });
});

/** Waits until a part reports a problem that does not make the service unready. */
async function whenSaid(testApp: TestApp, part: string): Promise<string> {
  await expect.poll(async () => (await get(testApp, '/ready')).body[part], { timeout: 10_000 }).not.toBe('ok');
  const { httpStatus, body, text } = await get(testApp, '/ready');
  expect(httpStatus).toBe(200);
  expect(body).toMatchObject({ status: 'ready', service: 'ok' });
  expect(text).not.toContain(apiKey);
  return body[part] ?? '';
}

test.each([401, 403])(
  'a key that the upstream refuses (%i) stops the checks, the reason names the setting, and reads go on',
  async (code) => {
    const testApp = await createTestApp({ started: true });
    testApp.upstream.onCheck = reply(code, { error: { message: `The key ${apiKey} is unknown.` } });
    // One or two refused tasks may belong to another account.
    for (let order = 0; order < 3; order++) await testApp.query(submitDocument, { input: anOrder });
    const said = await whenSaid(testApp, 'tracker');
    expect(said).toContain(`HTTP ${code}`);
    expect(said).toContain('GROK_API_KEY');
    expect((await get(testApp, '/health')).httpStatus).toBe(200);
  },
);

test.each([
  ['refuses the key', reply(401), /GROK_API_KEY/],
  ['is out of credit', reply(402), /credit/],
  ['wants to be left alone', reply(429), /no more requests/],
  ['breaks down', reply(500), /no usable answer/],
  ['breaks the connection', reset, /no usable answer/],
])('an upstream that %s is named, until an order is accepted again', async (_, answer, said) => {
  const testApp = await createTestApp();
  const accept = testApp.upstream.onSubmit;
  testApp.upstream.onSubmit = answer;
  await testApp.query(submitDocument, { input: anOrder });
  expect(await whenSaid(testApp, 'upstream')).toMatch(said);
  testApp.upstream.onSubmit = accept;
  await testApp.query(submitDocument, { input: anOrder });
  await expect.poll(async () => (await get(testApp, '/ready')).body['upstream'], { timeout: 5_000 }).toBe('ok');
});

test('an order that is refused for its own sake says nothing about the upstream', async () => {
  const testApp = await createTestApp();
  testApp.upstream.onSubmit = reply(400, { error: { message: 'The prompt is too long.' } });
  const { data } = await testApp.query(submitDocument, { input: anOrder });
  expect(data.submitVideo.task.status).toBe('FAILED');
  expect((await get(testApp, '/ready')).body).toMatchObject({ status: 'ready', upstream: 'ok' });
});

test('an upstream that cannot be reached is named', async () => {
  const settings = { GROK_API_BASE_URL: `http://127.0.0.1:${await closedPort()}` };
  const testApp = await createTestApp({ settings });
  await testApp.query(submitDocument, { input: anOrder });
  expect(await whenSaid(testApp, 'upstream')).toContain('could not be reached');
});

test.each(databaseProviders)(
  'how late the checks are is a number, and a sentence when it is long (%s)',
  async (provider) => {
    const clock = { now: new Date('2026-11-22T12:00:00Z') };
    const databaseUrl = await freshDatabase(provider);
    // It is not started, so that nothing is checked.
    const testApp = await createTestApp({ databaseUrl, now: () => clock.now });
    await testApp.query(submitDocument, { input: anOrder });
    clock.now = new Date('2026-11-22T12:30:00Z');
    expect(await whenSaid(testApp, 'tracker')).toContain('1799 seconds late');
    expect((await get(testApp, '/ready')).body).toMatchObject({ trackerLagSeconds: 1_799 });
  },
);

test.each(databaseProviders)('a database that has lost its table makes it not ready (%s)', async (provider) => {
  const testApp = await createTestApp({ started: true, databaseUrl: await freshDatabase(provider) });
  const { client, close } = await openDatabase(testApp.databaseUrl, silentLog);
  await client.$executeRawUnsafe('DROP TABLE "Task"').finally(close);
  const { text } = await whenRed(testApp);
  expect(text).not.toMatch(/"?Task"?|select|prisma|\//i);
});

describe('a PostgreSQL database', () => {
  test('that is dropped makes it not ready, and nothing secret is in the reason', async () => {
    const { databaseUrl, password, owner, name } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl });
    await becomesGreen(testApp);
    await owner.query(`DROP DATABASE ${name} WITH (FORCE)`);
    const { body, text } = await whenRed(testApp);
    expect(body).toMatchObject({ database: 'The database does not answer.', service: 'ok' });
    for (const secret of [password, apiKey, name, new URL(databaseUrl).port]) expect(text).not.toContain(secret);
    expect((await get(testApp, '/health')).httpStatus).toBe(200);
  }, 90_000);

  test('that takes no writes is named, and reads go on', async () => {
    const { databaseUrl, owner, name, backends } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl });
    await becomesGreen(testApp);
    await owner.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    for (const pid of await backends()) await owner.query('SELECT pg_terminate_backend($1)', [pid]);
    await expect
      .poll(async () => (await get(testApp, '/ready')).body['database'], { timeout: 10_000 })
      .toContain('read-only');
    expect(await get(testApp, '/ready')).toMatchObject({ httpStatus: 200, body: { status: 'ready' } });
    expect((await testApp.query(submitDocument, { input: anOrder })).errors?.[0]?.extensions.code).toBe(
      'DATABASE_UNAVAILABLE',
    );
    expect(testApp.upstream.submits).toEqual([]);
    expect((await testApp.query('{ videoTasks { edges { cursor } } }')).data.videoTasks.edges).toEqual([]);
  });

  test('that breaks off all connections is connected to again', async () => {
    const { databaseUrl, owner, backends } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl, started: true });
    await becomesGreen(testApp);
    for (const pid of await backends()) await owner.query('SELECT pg_terminate_backend($1)', [pid]);
    // What was found before may be said for a second more.
    await delay(1_100);
    await becomesGreen(testApp);
    expect((await testApp.query(submitDocument, { input: anOrder })).data.submitVideo.task.status).toBe('QUEUED');
  });

  test('that takes the question and never answers makes it not ready within seconds', async () => {
    const { databaseUrl, backends } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl });
    await becomesGreen(testApp);
    const pids = await backends();
    expect(pids).not.toHaveLength(0);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      // What was found before may be said for a second more.
      await delay(1_100);
      const answer = await Promise.race([get(testApp, '/ready'), delay(4_000, 'no answer')]);
      expect(answer).toMatchObject({ httpStatus: 503, body: { database: expect.stringContaining('does not answer') } });
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  });
});

test('a service that is stopping is not ready, while it still answers for the orders under way', async () => {
  const testApp = await createTestApp({ started: true });
  const submit = held(reply(200, { id: 'video_1', status: 'queued' }));
  testApp.upstream.onSubmit = submit.answer;
  const order = testApp.query(submitDocument, { input: anOrder });
  await submit.arrived;
  const stopped = testApp.app.stop();
  const response = await fetch(new URL('/ready', testApp.url));
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ status: 'not ready', service: 'The service is stopping.' });
  submit.release();
  expect((await order).data.submitVideo.task.status).toBe('QUEUED');
  await stopped;
});
