import type { Logger } from 'pino';
import { createAuthenticator } from './access/authenticator.ts';
import { OpenSubscriptions } from './access/subscriptions.ts';
import { createMedia, openFiles } from './app-media.ts';
import { withCache } from './database/cache/task-cache.ts';
import { type Database, openDatabase } from './database/database.ts';
import { createAccountStore } from './database/prisma-account-store.ts';
import { createKeyStore } from './database/prisma-key-store.ts';
import { createTaskStore } from './database/prisma-task-store.ts';
import { createUsageStore } from './database/prisma-usage-store.ts';
import { withFileWatch } from './database/sqlite/file-watch.ts';
import type { Environment } from './environment.ts';
import type { FileStore } from './files/file-store.ts';
import { Health, readinessChecks } from './health.ts';
import { createLog } from './log.ts';
import { AccountGate } from './orders/account-gate.ts';
import { Orders } from './orders/orders.ts';
import { refundsFreeEndings, refundsFrom } from './orders/refunds.ts';
import { type SandboxSettings, startSandbox } from './sandbox/sandbox.ts';
import { type Listener, listen } from './server/http/listen.ts';
import { createGraphqlServer } from './server/yoga.ts';
import { Ledger } from './spending/ledger.ts';
import { createClock } from './tasks/moment.ts';
import { logsStatus, recorderFor, wakesWatchers } from './tasks/record-change.ts';
import { TaskReader, type Viewer } from './tasks/task-reader.ts';
import { createTaskSignals } from './tasks/task-signals.ts';
import type { Upstream } from './tasks/upstream.ts';
import { createThrottle } from './tracking/throttle.ts';
import { Tracker } from './tracking/tracker.ts';
import { createUpstreamClient } from './upstream/rest-client.ts';

export interface App {
  /** Starts the tracker and the HTTP server; returns the URL of the GraphQL endpoint. */
  start(): Promise<{ url: string }>;
  /**
   * Refuses new orders, waits for those under way, ends subscriptions, closes the server, the sandbox and the database.
   */
  stop(): Promise<void>;
  /** Writes the unexpected error that ends the service to the log. */
  logFatal(error: unknown): void;
  /** Answers one request inside this process, without a network connection. */
  fetch(request: Request): Promise<Response>;
}

/** How long a shutdown waits for submits before it aborts them. An aborted submit leaves its task UNCONFIRMED. */
const submitGraceMs = 7_000;

/** How long a shutdown waits until the log's reader has taken the lines that are still in memory. */
const logGraceMs = 500;

/** After how long without a signal a watch reads its task again, because a signal can be lost. */
const rereadMs = 30_000;

/**
 * The composition root: makes each part of the service once and passes it to the parts that need it. Opens the database
 * and migrates it.
 *
 * @throws MigrationError, DatabaseOpenError, OpenAccessError, PersistedOperationsError, or the system's error when a
 *   port cannot be opened.
 */
export async function createApp(environment: Environment, now = () => new Date()): Promise<App> {
  const { log, end: endLog } = await createLog(environment.log);
  const database = await openDatabase(environment.databaseUrl, log);
  const authenticator = await createAuthenticator(createKeyStore(database), environment.access, log, now);
  const sandbox = environment.sandbox && (await sandboxOf(environment.sandbox, log));

  const health = new Health(now);
  const stopping = new AbortController();
  const aborting = new AbortController();
  const upstream = createUpstreamClient(
    sandbox ? { ...environment.upstream, baseUrl: sandbox.url } : environment.upstream,
  );
  const files = await openFiles(environment, database, log);
  const address = { ownUrl: `http://127.0.0.1:${environment.server.port}` };
  const parts = { environment, database, upstream, files, health, now, log, stopping, aborting };
  const domain = createDomain({ ...parts, sandboxUrl: sandbox?.url ?? null, address });
  const { savedTasks, signals, orders, tracker, loops, ...capabilities } = domain;
  const subscriptions = new OpenSubscriptions(environment.maxSubscriptions);
  const graphql = await createGraphqlServer(
    { ...capabilities, orders, subscriptions, upstreamKey: upstream, now, log },
    {
      ...environment.server,
      documents: environment.documents,
      authenticator,
      sandbox: sandbox !== null,
      stopping: stopping.signal,
      checks: readinessChecks({ database, store: savedTasks, tracker, files, health, now }),
    },
  );
  let listener: Listener | undefined;

  return {
    async start() {
      listener = await listen(graphql.listener, environment.server, log);
      address.ownUrl = new URL(listener.url).origin;
      tracker.start();
      for (const loop of [orders.waiting, ...loops]) loop.start();
      log.info({ migrations: database.appliedMigrations }, `GraphQL at ${listener.url}`);
      if (authenticator.open) log.warn('There is no API key: all who work on this machine may order, and no others.');
      return { url: listener.url };
    },
    async stop() {
      log.info('stopping');
      stopping.abort();
      signals.publishAll();
      const worked = Promise.all([tracker, orders.waiting, ...loops].map((loop) => loop.stop()));
      const abortTimer = setTimeout(() => aborting.abort(), submitGraceMs);
      await Promise.allSettled([orders.settled(), worked]);
      clearTimeout(abortTimer);
      await listener?.close();
      await sandbox?.stop();
      await database.close();
      log.info('stopped');
      await endLog(logGraceMs);
    },
    logFatal: (err) => log.fatal({ err }, 'unexpected error, stopping'),
    fetch: async (request) => graphql.fetch(request),
  };
}

interface DomainParts {
  readonly environment: Environment;
  readonly database: Database;
  readonly upstream: Upstream;
  /** Null where nothing is stored. */
  readonly files: FileStore | null;
  readonly sandboxUrl: string | null;
  /** Where the service listens, for links where PUBLIC_BASE_URL is not set. */
  readonly address: { readonly ownUrl: string };
  readonly health: Health;
  readonly now: () => Date;
  readonly log: Logger;
  readonly stopping: AbortController;
  readonly aborting: AbortController;
}

/** Makes each capability once and gives it the parts that it uses, and no others. */
function createDomain({ environment, database, health, now, log, stopping, aborting, ...parts }: DomainParts) {
  const savedTasks = health.watchWrites(createTaskStore(database.client), 'create', 'update', 'saveChecks');
  const store = withCache(withFileWatch(savedTasks, database.fileProblem), database);
  const upstream = health.watchUpstream(parts.upstream);
  const ledger = new Ledger(health.watchWrites(createUsageStore(database.client), 'save'), now);
  const signals = createTaskSignals(database.notifications);
  const refund = refundsFrom(ledger, log);
  const record = recorderFor(store, [wakesWatchers(signals), logsStatus(log), refundsFreeEndings(refund)]);
  const clock = createClock(now, environment.schedule, upstream, parts.files !== null);
  const throttle = createThrottle(environment.schedule);
  const sources = { store, signals, stopping: stopping.signal, rereadMs };
  const readerFor = (viewer: Viewer) => new TaskReader(sources, viewer);
  const shared = { store, upstream, record, clock, now, log };
  const { keptImages: images, ...kept } = createMedia({ ...parts, ...shared, environment, database });
  const gate = new AccountGate(
    { accounts: createAccountStore(database), store, epoch: database.epoch, now, log },
    environment.orders,
  );
  database.notifications?.onAnnounced('account', () => gate.forget());
  const orders = new Orders({
    ...shared,
    images,
    readerFor,
    ledger,
    refund,
    gate,
    settings: environment.orders,
    onReply: (reply, sentAt) => throttle.heedSubmit(reply, sentAt, now()),
    idempotencyKeyLifetimeMs: environment.idempotencyKeyLifetimeMs,
    stopping: stopping.signal,
    aborting: aborting.signal,
  });
  const tracker = new Tracker({ ...shared, throttle }, environment.tracker);
  return { savedTasks, signals, readerFor, ledger, orders, tracker, ...kept };
}

async function sandboxOf(settings: SandboxSettings, log: Logger) {
  const sandbox = await startSandbox(settings);
  log.warn(
    bold(`SANDBOX: GROK_API_KEY is not set, so a stand-in at ${sandbox.url} makes the videos. Nothing is paid.`),
  );
  return sandbox;
}

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;
