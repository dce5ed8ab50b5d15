import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/client.ts';
import { anOrder, createTestApp, submitDocument, type TestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { silentLog } from '../support/log.ts';
import { apiKey, reply } from '../support/upstream.ts';

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
    body: { status: 'ready', service: 'ok', database: 'ok', migrations: 'ok', tracker: 'ok' },
  });
});

test.each([401, 403])(
  'a key that the upstream refuses (%i) makes it not ready, and the reason names the setting',
  async (code) => {
    const testApp = await createTestApp({ started: true });
    testApp.upstream.onCheck = reply(code, { error: { message: `The key ${apiKey} is unknown.` } });
    await testApp.query(submitDocument, { input: anOrder });
    const { body, text } = await whenRed(testApp);
    expect(body['tracker']).toContain(`HTTP ${code}`);
    expect(body['tracker']).toContain('GROK_API_KEY');
    expect(body).toMatchObject({ service: 'ok', database: 'ok' });
    expect(text).not.toContain(apiKey);
    // Restarting the process would not help, so it is not called dead.
    expect((await get(testApp, '/health')).httpStatus).toBe(200);
  },
);

test('an upstream that is down is no reason to take the service out of rotation', async () => {
  const testApp = await createTestApp({ started: true });
  testApp.upstream.onCheck = reply(503);
  await testApp.query(submitDocument, { input: anOrder });
  await expect.poll(() => testApp.upstream.checks.length, { timeout: 5_000 }).toBeGreaterThan(0);
  expect((await get(testApp, '/ready')).httpStatus).toBe(200);
});

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
  });

  test('that breaks off all connections is connected to again', async () => {
    const { databaseUrl, owner, backends } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl, started: true });
    await becomesGreen(testApp);
    for (const pid of await backends()) await owner.query('SELECT pg_terminate_backend($1)', [pid]);
    await becomesGreen(testApp);
    expect((await testApp.query(submitDocument, { input: anOrder })).data.submitVideo.task.status).toBe('QUEUED');
  });

  test('that takes the question and never answers makes it not ready within ten seconds', async () => {
    const { databaseUrl, backends } = await postgresWithSecret();
    const testApp = await createTestApp({ databaseUrl });
    await becomesGreen(testApp);
    const pids = await backends();
    expect(pids).not.toHaveLength(0);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      const answer = await Promise.race([get(testApp, '/ready'), delay(10_000, 'no answer')]);
      expect(answer).toMatchObject({ httpStatus: 503, body: { database: 'The database does not answer.' } });
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
