import type { Logger } from 'pino';
import { createDoor } from './access/door.ts';
import { OpenSubscriptions } from './access/subscriptions.ts';
import { openDatabase } from './database/client.ts';
import { withFileWatch } from './database/file-watch.ts';
import { createKeyStore } from './database/key-store.ts';
import { withCache } from './database/task-cache.ts';
import { createTaskStore } from './database/task-store.ts';
import { createUsageStore } from './database/usage-store.ts';
import type { Environment } from './environment.ts';
import { Health, readinessChecks } from './health.ts';
import { createLog } from './log.ts';
import { createPubsub } from './pubsub.ts';
import { startSandbox } from './sandbox/server.ts';
import { type Listener, listen } from './server/listen.ts';
import { createGraphqlServer } from './server/yoga.ts';
import { createUpstreamClient } from './upstream/client.ts';
import { Ledger } from './videos/ledger.ts';
import { noOrdersUnderWay, type Services } from './videos/services.ts';
import { createThrottle } from './videos/throttle.ts';
import { Tracker } from './videos/tracker.ts';

export interface App {
  /** Follows tasks and serves; returns the URL of the GraphQL endpoint. */
  start(): Promise<{ url: string }>;
  /** Takes no new orders, waits for those under way, ends subscriptions, closes everything. */
  stop(): Promise<void>;
  /** Says in the log which error, that was not expected, ends the service. */
  logFatal(error: unknown): void;
  /** Answers one request, without a network in between. */
  fetch(request: Request): Promise<Response>;
}

/** How long a shutdown waits for submits before it breaks them off, which leaves them UNCONFIRMED. */
const submitGraceMs = 7_000;

/** How long a shutdown waits for what its log's reader has not read yet. */
const logGraceMs = 500;

/** How long a subscriber's watch trusts the notifications before it looks for itself. */
const rereadMs = 30_000;

/**
 * Builds every part once and hands it on. Opens the database and brings it up to date.
 *
 * @throws MigrationError, DatabaseOpenError, OpenAccessError, PersistedOperationsError, or the system's error where a port cannot be had.
 */
export async function createApp(environment: Environment, now = () => new Date()): Promise<App> {
  const { log, end: endLog } = await createLog(environment.log);
  const database = await openDatabase(environment.databaseUrl, log);
  const door = await createDoor(createKeyStore(database), environment.access, log, now);
  const sandbox = environment.sandbox && (await sandboxAt(environment.sandbox.port, log));

  const health = new Health(now);
  const store = health.watchWrites(createTaskStore(database.client), 'create', 'update', 'saveChecks');
  const stopping = new AbortController();
  const aborting = new AbortController();
  const services: Services = {
    store: withCache(withFileWatch(store, database.fileProblem), database),
    upstream: health.watchUpstream(
      createUpstreamClient(sandbox ? { ...environment.upstream, baseUrl: sandbox.url } : environment.upstream),
    ),
    ledger: new Ledger(health.watchWrites(createUsageStore(database.client), 'save'), now),
    pubsub: createPubsub(database.notifications),
    log,
    now,
    schedule: environment.schedule,
    throttle: createThrottle(environment.schedule),
    submitLeaseMs: environment.submitLeaseMs,
    idempotencyKeyLifetimeMs: environment.idempotencyKeyLifetimeMs,
    rereadMs,
    ...noOrdersUnderWay(),
    stopping: stopping.signal,
    aborting: aborting.signal,
  };
  const tracker = new Tracker(services, environment.tracker);
  const graphql = await createGraphqlServer(services, {
    ...environment.server,
    documents: environment.documents,
    door,
    subscriptions: new OpenSubscriptions(environment.maxSubscriptions),
    sandbox: sandbox !== null,
    stopping: stopping.signal,
    checks: readinessChecks({ database, store, tracker, health, now }),
  });
  let listener: Listener | undefined;

  return {
    async start() {
      listener = await listen(graphql.listener, environment.server, log);
      tracker.start();
      log.info({ migrations: database.appliedMigrations }, `GraphQL at ${listener.url}`);
      if (door.open) log.warn('There is no API key: whoever works on this machine may order, and nobody else.');
      return { url: listener.url };
    },
    async stop() {
      log.info('stopping');
      stopping.abort();
      services.pubsub.publishAll();
      const tracked = tracker.stop();
      const patience = setTimeout(() => aborting.abort(), submitGraceMs);
      await Promise.allSettled([...services.submitting, tracked]);
      clearTimeout(patience);
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

async function sandboxAt(port: number, log: Logger) {
  const sandbox = await startSandbox(port);
  log.warn(
    bold(`SANDBOX: GROK_API_KEY is not set, so a stand-in at ${sandbox.url} makes the videos. Nothing is paid.`),
  );
  return sandbox;
}

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;
