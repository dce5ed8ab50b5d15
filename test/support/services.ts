import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { openDatabase } from '../../src/database/client.ts';
import { createTaskStore } from '../../src/database/task-store.ts';
import { createUsageStore } from '../../src/database/usage-store.ts';
import { createPubsub } from '../../src/pubsub.ts';
import { createUpstreamClient } from '../../src/upstream/client.ts';
import { Ledger } from '../../src/videos/ledger.ts';
import { requestSchemas } from '../../src/videos/request.ts';
import { noOrdersUnderWay, type Services } from '../../src/videos/services.ts';
import { submitVideo } from '../../src/videos/submit.ts';
import type { VideoTask } from '../../src/videos/task.ts';
import { findTask } from '../../src/videos/tasks.ts';
import { createThrottle } from '../../src/videos/throttle.ts';
import { Tracker } from '../../src/videos/tracker.ts';
import { localClient } from './client.ts';
import { freshDatabase } from './database.ts';
import { apiKey, type TestUpstream } from './upstream.ts';

export interface TestServices {
  readonly services: Services;
  readonly tracker: Tracker;
  readonly clock: { now: Date };
  /** Moves the time on and checks what is due by then. */
  advance(ms: number): Promise<void>;
  submit(): Promise<VideoTask>;
  find(id: string): Promise<VideoTask>;
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** The domain over a real database and a real upstream, with the time in the test's hand. */
export async function createTestServices(
  upstream: TestUpstream,
  {
    databaseUrl,
    clock = { now: new Date('2026-11-22T12:00:00Z') },
  }: { databaseUrl?: string; clock?: { now: Date } } = {},
): Promise<TestServices> {
  const log = pino({ level: 'silent' });
  const database = await openDatabase(databaseUrl ?? (await freshDatabase()), log);
  onTestFinished(() => database.close());
  const settings = { baseUrl: upstream.url, apiKey, submitTimeoutMs: 500, checkTimeoutMs: 500 };
  const schedule = { firstCheckMs: 30_000, intervalMs: 30_000 };
  const services: Services = {
    store: createTaskStore(database.client),
    upstream: createUpstreamClient(settings),
    ledger: new Ledger(createUsageStore(database.client), () => clock.now),
    pubsub: createPubsub(database.notifications),
    log,
    now: () => clock.now,
    schedule,
    throttle: createThrottle(schedule),
    submitLeaseMs: 45_000,
    idempotencyKeyLifetimeMs: 30 * 24 * hourMs,
    rereadMs: 30_000,
    ...noOrdersUnderWay(),
    stopping: new AbortController().signal,
    aborting: new AbortController().signal,
  };
  const tracker = new Tracker(services, { concurrency: 10, leaseMs: 30_000, pollMs: 1_000 });
  return {
    services,
    tracker,
    clock,
    async advance(ms) {
      clock.now = new Date(clock.now.getTime() + ms);
      await tracker.checkDue();
    },
    async submit() {
      const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
      return (await submitVideo(services, localClient, { request })).task;
    },
    async find(id) {
      const task = await findTask(services, localClient, id);
      if (!task) throw new Error(`no task ${id}`);
      return task;
    },
  };
}
