import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createAccountStore } from '../../src/database/prisma-account-store.ts';
import { createImageFileStore } from '../../src/database/prisma-image-file-store.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import { createUsageStore } from '../../src/database/prisma-usage-store.ts';
import { createVideoFileStore } from '../../src/database/prisma-video-file-store.ts';
import { ByteRate } from '../../src/media/byte-rate.ts';
import { ImageUploads } from '../../src/media/image-uploads.ts';
import { KeptImages } from '../../src/media/kept-images.ts';
import { Media } from '../../src/media/media.ts';
import { AccountGate } from '../../src/orders/account-gate.ts';
import { Orders } from '../../src/orders/orders.ts';
import { refundsFreeEndings, refundsFrom } from '../../src/orders/refunds.ts';
import { Ledger } from '../../src/spending/ledger.ts';
import { createClock } from '../../src/tasks/moment.ts';
import { logsStatus, recorderFor, wakesWatchers } from '../../src/tasks/record-change.ts';
import type { VideoTask } from '../../src/tasks/task.ts';
import { TaskReader, type Viewer } from '../../src/tasks/task-reader.ts';
import { createTaskSignals } from '../../src/tasks/task-signals.ts';
import { createThrottle } from '../../src/tracking/throttle.ts';
import { Tracker, type TrackerSettings } from '../../src/tracking/tracker.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { freshDatabase } from './database.ts';
import { failing, localCaller } from './local-caller.ts';
import { apiKey, type TestUpstream } from './upstream.ts';

/** The parts of which the domain's capabilities are made. A test may make them again with a part of its own. */
export type TestParts = Awaited<ReturnType<typeof createParts>>;

export interface TestDomain {
  readonly parts: TestParts;
  readonly orders: Orders;
  readonly tracker: Tracker;
  readonly clock: { now: Date };
  /** Moves the clock forward and checks the tasks that are due then. */
  advance(ms: number): Promise<void>;
  submit(): Promise<VideoTask>;
  find(id: string): Promise<VideoTask>;
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

interface Options {
  readonly databaseUrl?: string;
  readonly clock?: { now: Date };
}

async function createParts(upstream: TestUpstream, { databaseUrl, clock }: Required<Options>) {
  const log = pino({ level: 'silent' });
  const database = await openDatabase(databaseUrl, log);
  onTestFinished(() => database.close());
  const now = () => clock.now;
  const schedule = { firstCheckMs: 30_000, intervalMs: 30_000 };
  const settings = { baseUrl: upstream.url, apiKey, submitTimeoutMs: 5_000, checkTimeoutMs: 500 };
  return {
    store: createTaskStore(database.client),
    accounts: createAccountStore(database),
    epoch: database.epoch,
    videoFiles: createVideoFileStore(database.client),
    imageFiles: createImageFileStore(database.client),
    upstream: createUpstreamClient(settings),
    ledger: new Ledger(createUsageStore(database.client), now),
    signals: createTaskSignals(database.notifications),
    throttle: createThrottle(schedule),
    schedule,
    log,
    now,
  };
}

const never = new AbortController().signal;

const shared = ({ store, upstream, signals, schedule, log, now, throttle, ledger }: TestParts) => ({
  store,
  upstream,
  throttle,
  log,
  now,
  clock: createClock(now, schedule, upstream, false),
  record: recorderFor(store, [wakesWatchers(signals), logsStatus(log), refundsFreeEndings(refundsFrom(ledger, log))]),
});

export const readerWith = (parts: TestParts, viewer: Viewer): TaskReader =>
  new TaskReader({ store: parts.store, signals: parts.signals, stopping: never, rereadMs: 30_000 }, viewer);

/** Nothing is stored, so that no image is kept. */
const keptImagesOf = ({ imageFiles: rows, videoFiles: videoRows, now, log }: TestParts): KeptImages =>
  new KeptImages(
    { rows, videoRows, stored: null, now, log },
    { retentionMs: 24 * hourMs, maxClientBytes: null, publicBaseUrl: null, sandbox: false },
  );

const orderSettings = {
  account: 'default',
  submitsPerMinute: null,
  maxOpen: null,
  maxWaiting: null,
  maxWaitMs: 24 * hourMs,
  submitLeaseMs: 45_000,
  pollMs: 1_000,
};

const gateOf = ({ accounts, store, epoch, now, log }: TestParts): AccountGate =>
  new AccountGate({ accounts, store, epoch, now, log }, orderSettings);

export const ordersWith = (parts: TestParts): Orders =>
  new Orders({
    ...shared(parts),
    images: keptImagesOf(parts),
    ledger: parts.ledger,
    refund: refundsFrom(parts.ledger, parts.log),
    gate: gateOf(parts),
    settings: orderSettings,
    readerFor: (viewer) => readerWith(parts, viewer),
    onReply: (reply, sentAt) => parts.throttle.heedSubmit(reply, sentAt, parts.now()),
    idempotencyKeyLifetimeMs: 30 * 24 * hourMs,
    stopping: never,
    aborting: never,
  });

export const trackerWith = (parts: TestParts, settings: TrackerSettings): Tracker =>
  new Tracker(shared(parts), settings);

/** Shows what the tasks themselves say; nothing is stored. */
export const mediaWith = ({ videoFiles: rows, imageFiles: images, upstream, now }: TestParts): Media =>
  new Media({
    rows,
    images,
    stored: null,
    holdsKey: (text) => upstream.holdsKey(text),
    sendRate: new ByteRate(null),
    now,
  });

/** Takes no images, because nothing is stored. */
export const uploadsWith = ({ imageFiles: rows, videoFiles: videoRows, now, log }: TestParts): ImageUploads =>
  new ImageUploads(
    { rows, videoRows, stored: null, now, log },
    { maxUploads: 1, retentionMs: 24 * hourMs, maxClientBytes: null },
  );

/** The domain on a real database and a real upstream, with a clock that the test moves. */
export async function createTestDomain(
  upstream: TestUpstream,
  { databaseUrl, clock = { now: new Date('2026-11-22T12:00:00Z') } }: Options = {},
): Promise<TestDomain> {
  const parts = await createParts(upstream, { databaseUrl: databaseUrl ?? (await freshDatabase()), clock });
  const orders = ordersWith(parts);
  const tracker = trackerWith(parts, { concurrency: 10, leaseMs: 30_000, pollMs: 1_000 });
  return {
    parts,
    orders,
    tracker,
    clock,
    async advance(ms) {
      clock.now = new Date(clock.now.getTime() + ms);
      await tracker.checkDue();
    },
    async submit() {
      const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
      return (await orders.submit(localCaller, { request, options: failing })).task;
    },
    find: (id) => readerWith(parts, localCaller).findExisting(id),
  };
}
