import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import { anOrder, createTestApp, nothing, type TestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { callOrder, codeOf, limitedSince, secondsOrder, usageOf } from '../support/limited-app.ts';
import { countTasks, place, placeDocument, placed } from '../support/placing.ts';
import { post, startService } from '../support/process.ts';
import { holdWriteLock } from '../support/sqlite-lock.ts';
import { apiKey, reply, startUpstream } from '../support/upstream.ts';

/** Two instances of the service on one database, with a stopped clock. */
async function createInstances(provider: Provider, settings: Record<string, string>) {
  const upstream = await startUpstream();
  const databaseUrl = await freshDatabase(provider);
  const options = { upstream, databaseUrl, settings, now: () => new Date(limitedSince) };
  return { upstream, databaseUrl, one: await createTestApp(options), two: await createTestApp(options) };
}

/** Places so many concurrent orders, at both instances in turn. */
const placeAtBoth = ({ one, two }: { one: TestApp; two: TestApp }, count: number, key?: string) =>
  Promise.all(Array.from({ length: count }, (_, index) => place(index % 2 ? one : two, anOrder, key)));

const accepted = reply(200, { id: 'video_1', status: 'queued' });
const unavailable = {
  data: nothing,
  errors: [
    {
      message: expect.stringContaining('nothing was ordered'),
      extensions: { code: 'DATABASE_UNAVAILABLE', retryable: true },
    },
  ],
};

describe.each(databaseProviders)('two instances on one database (%s)', (provider) => {
  test.each([
    ['a minute', { SUBMITS_PER_MINUTE: '7' }, 'RATE_LIMITED'],
    ['a day', { SECONDS_PER_DAY: '79' }, 'QUOTA_EXCEEDED'],
  ])('of forty orders at once, where there is room for seven in %s, seven are placed', async (_, settings, code) => {
    const { upstream, one, two } = await createInstances(provider, settings);
    const answers = await placeAtBoth({ one, two }, 40);
    expect(answers.filter(({ data }) => data?.submitVideo?.task.status === 'QUEUED')).toHaveLength(7);
    expect(answers.filter((answer) => codeOf(answer) === code)).toHaveLength(33);
    expect(upstream.submits).toHaveLength(7);
    expect(await countTasks(one)).toBe(7);
    for (const app of [one, two]) expect(await usageOf(app)).toEqual({ submits: 7, seconds: 70, calls: 0 });
  });

  test('what is used or given back at one instance counts at the other at once', async () => {
    const { upstream, one, two } = await createInstances(provider, { SECONDS_PER_DAY: '30' });
    await placed(one, anOrder);
    await placed(two, anOrder);
    await placed(one, anOrder);
    expect(codeOf(await place(two, anOrder))).toBe('QUOTA_EXCEEDED');
    expect(codeOf(await place(one, anOrder))).toBe('QUOTA_EXCEEDED');
    await placed(two, callOrder);
    expect(await usageOf(one)).toEqual({ submits: 4, seconds: 30, calls: 1 });
    expect(upstream.submits).toHaveLength(4);
  });

  test('room that one instance gives back is room at the other', async () => {
    const { upstream, one, two } = await createInstances(provider, { SECONDS_PER_DAY: '10' });
    const order = held(reply(400, { message: 'No boats.' }));
    upstream.onSubmit = order.answer;
    const first = placed(one, anOrder);
    await order.arrived;
    expect(codeOf(await place(two, anOrder))).toBe('QUOTA_EXCEEDED');
    order.release();
    expect((await first).task.status).toBe('FAILED');
    upstream.onSubmit = accepted;
    expect((await placed(two, anOrder)).task.status).toBe('QUEUED');
    expect(codeOf(await place(one, anOrder))).toBe('QUOTA_EXCEEDED');
  });

  test('of orders that the upstream refuses at both at once, each is given back once', async () => {
    const { upstream, one, two } = await createInstances(provider, { SECONDS_PER_DAY: '1000' });
    await placed(one, secondsOrder(30));
    upstream.onSubmit = reply(400, { message: 'No boats.' });
    const answers = await placeAtBoth({ one, two }, 20);
    expect(answers.map(({ data }) => data?.submitVideo?.task.status)).toEqual(Array(20).fill('FAILED'));
    expect(await usageOf(two)).toEqual({ submits: 21, seconds: 30, calls: 0 });
  });

  test('concurrent duplicates at both instances get one task where the limit allows one', async () => {
    const { upstream, one, two } = await createInstances(provider, { SUBMITS_PER_MINUTE: '1' });
    const duplicates = await placeAtBoth({ one, two }, 20, 'boat');
    expect(duplicates.map((duplicate) => codeOf(duplicate) ?? 'placed')).toEqual(Array(20).fill('placed'));
    expect(new Set(duplicates.map(({ data }) => data.submitVideo.task.id)).size).toBe(1);
    expect(upstream.submits).toHaveLength(1);
    expect(await usageOf(one)).toEqual({ submits: 1, seconds: 10, calls: 0 });
  });
});

test('over two processes, of forty orders at once, where there is room for seven, seven are placed', async () => {
  // Waits for the next day near midnight, because the daily budget must not start anew during the test.
  const untilMidnight = 86_400_000 - (Date.now() % 86_400_000);
  if (untilMidnight < 30_000) await sleep(untilMidnight);
  const upstream = await startUpstream();
  const settings = {
    DATABASE_URL: await freshDatabase('postgresql'),
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    SUBMITS_PER_MINUTE: 'none',
    SECONDS_PER_DAY: '79',
    LOG_LEVEL: 'info',
  };
  const urls = [(await startService(settings)).url, (await startService(settings)).url];
  const ask = async (url: string, document: string, variables = {}) => (await post(url, document, variables)).json();
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      ask(urls[index % 2] ?? '', placeDocument, { input: anOrder, key: `boat-${index}` }),
    ),
  );
  expect(answers.filter(({ data }) => data?.submitVideo?.task.status === 'QUEUED')).toHaveLength(7);
  expect(answers.filter((answer) => codeOf(answer) === 'QUOTA_EXCEEDED')).toHaveLength(33);
  expect(upstream.submits).toHaveLength(7);
  for (const url of urls) {
    const { videoClient, videoTasks } = (
      await ask(url, '{ videoClient { usage { seconds } } videoTasks { edges { cursor } } }')
    ).data;
    expect([videoClient.usage.seconds, videoTasks.edges.length]).toEqual([70, 7]);
  }
}, 90_000);

describe('database trouble', () => {
  /** Locks the table against writes of others, or, where the lock is exclusive, also against reads. */
  async function lockTable(databaseUrl: string, table: string, mode = 'SHARE'): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query(`BEGIN; LOCK TABLE "${table}" IN ${mode} MODE`);
    return async () => void (await client.query('ROLLBACK'));
  }

  test.each([
    ['counted', 'Usage'],
    ['written down after it was counted', 'Task'],
  ])('an order that cannot be %s is not sent, costs nothing and keeps its key free', async (_, table) => {
    const databaseUrl = await freshDatabase('postgresql');
    const app = await createTestApp({
      databaseUrl,
      settings: { SUBMITS_PER_MINUTE: '1' },
      now: () => new Date(limitedSince),
    });
    const unlock = await lockTable(databaseUrl, table);
    expect(await place(app, anOrder, 'boat')).toMatchObject(unavailable);
    expect(app.upstream.submits).toEqual([]);
    await unlock();
    expect(await usageOf(app)).toEqual({ submits: 0, seconds: 0, calls: 0 });
    expect(await countTasks(app)).toBe(0);
    expect(await placed(app, callOrder, 'boat')).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
    expect(codeOf(await place(app, anOrder))).toBe('RATE_LIMITED');
  });

  test('on SQLite an order that cannot be counted is not sent and costs nothing', async () => {
    const app = await createTestApp({ settings: { SUBMITS_PER_MINUTE: '1' }, now: () => new Date(limitedSince) });
    const { released } = await holdWriteLock(app.databaseUrl, 7_000);
    expect(await place(app, anOrder)).toMatchObject(unavailable);
    expect(app.upstream.submits).toEqual([]);
    await released;
    await placed(app, anOrder);
    expect(codeOf(await place(app, anOrder))).toBe('RATE_LIMITED');
  });

  test('while the usage cannot be read, only the fields that show it are errors', async () => {
    const databaseUrl = await freshDatabase('postgresql');
    const app = await createTestApp({ databaseUrl });
    const unlock = await lockTable(databaseUrl, 'Usage', 'ACCESS EXCLUSIVE');
    expect(await app.query('{ videoClient { usage { submits } } }')).toMatchObject({
      data: nothing,
      errors: [{ extensions: { code: 'DATABASE_UNAVAILABLE' }, path: ['videoClient', 'usage'] }],
    });
    expect(await app.query('{ videoClient { name limits { submitsPerMinute } } }')).toEqual({
      data: { videoClient: { name: 'local', limits: { submitsPerMinute: null } } },
    });
    await unlock();
    expect(await usageOf(app)).toEqual({ submits: 0, seconds: 0, calls: 0 });
  });
});
