/** `npm run drill:soak -- [--seconds 120] [--seed 1] [--peers 60]`: says what it did, and ends with 1 where anything was wrong. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { createKey } from '../../src/access/api-keys.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createKeyStore } from '../../src/database/prisma-key-store.ts';
import { endGracefully, type Instance } from '../faults/service.ts';
import { flawless } from '../faults/upstream.ts';
import { World } from '../faults/world.ts';
import { HonestClient } from './honest-client.ts';
import { type Holdings, holdingsOf } from './inspector.ts';
import { mannersFrom, patientManners, runPeer } from './peer.ts';
import { Random } from './random.ts';
import { largeAliases, type Sender } from './requests.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** How many connections misbehave at once. */
  readonly peers: number;
}

export interface SoakReport {
  /** What was wrong, in sentences; empty where nothing was. */
  readonly problems: readonly string[];
  readonly connections: number;
  readonly answered: HonestClient['answered'];
  readonly paid: number;
  /** After each third. */
  readonly holdings: readonly Holdings[];
}

const settings = {
  NODE_OPTIONS: '--inspect=127.0.0.1:0',
  TRACKER_FIRST_CHECK_MS: '50',
  TRACKER_INTERVAL_MS: '100',
  HEADERS_TIMEOUT_MS: '1000',
  REQUEST_TIMEOUT_MS: '1500',
  STALLED_TIMEOUT_MS: '5000',
  MAX_ALIASES: String(largeAliases),
  MAX_TOKENS: '5000',
};

/** How much more the heap may hold after the last third than after the one before: less than a kilobyte a connection. */
const maxGrowthBytes = 8 * 1024 * 1024;

/** How long it may take until connections and timers of peers that have gone are gone too. */
const patienceMs = 20_000;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const world = await World.create('sqlite', null, settings);
  try {
    return await soakIn(world, options);
  } finally {
    await world.close();
  }
}

async function soakIn(world: World, { seconds, seed, peers }: SoakOptions): Promise<SoakReport> {
  const problems: string[] = [];
  const [honestKey, rudeKey] = await createKeys(world.database.url, ['honest', 'rude']);
  const instance = await world.start();
  const rude = await createTasks(world, new HonestClient(instance.url, rudeKey ?? ''), rudeKey ?? '');
  const honest = new HonestClient(instance.url, honestKey ?? '');
  const stopping = new AbortController();
  const working = honest.work(stopping.signal);
  const before = await holdingsOf(world.log);

  const holdings: Holdings[] = [];
  let connections = 0;
  for (let third = 0; third < 3 && instance.alive; third++) {
    const until = Date.now() + (seconds * 1_000) / 3;
    const misbehave = async (worker: number) => {
      const random = new Random(seed * 1_000_003 + third * 1_009 + worker);
      while (Date.now() < until && instance.alive) {
        const manners = worker === 0 ? patientManners : mannersFrom(random);
        const problem = await runPeer(instance.url, rude, manners, random);
        connections += 1;
        if (problem) problems.push(`${problem}: ${JSON.stringify(manners)}`);
      }
    };
    await Promise.all(Array.from({ length: peers }, (_, worker) => misbehave(worker)));
    holdings.push(await idleHoldings(world.log, before, instance));
  }
  await stillWorks(instance, problems);
  stopping.abort();
  await working;
  problems.push(...honest.problems, ...leftovers(holdings, before));
  problems.push(...(await endWithPeers(instance, rude, seed, peers)));
  problems.push(...world.problems, ...wrongLines(world.log), ...(await wrongPayments(world, honest)));
  return { problems, connections, answered: honest.answered, paid: world.upstream.posts.length, holdings };
}

async function createKeys(databaseUrl: string, clients: readonly string[]): Promise<string[]> {
  const database = await openDatabase(databaseUrl, pino({ level: 'silent' }));
  const store = createKeyStore(database);
  const keys: string[] = [];
  for (const client of clients) {
    keys.push((await createKey(store, { client, scopes: ['read', 'submit'], limits: {} }, new Date())).key);
  }
  await database.close();
  return keys;
}

async function createTasks({ upstream }: World, client: HonestClient, key: string): Promise<Sender> {
  const open = `${'x'.repeat(9_900)}~0`;
  upstream.scripts.set(open, { ...flawless, checks: Array(100_000).fill('queued') });
  return { key, openId: (await client.order(open)).id, endedId: (await client.order('ended~0')).id };
}

/** What the process holds once nothing but the honest client's is left, or what is still left by then. */
async function idleHoldings(log: readonly string[], before: Holdings, instance: Instance): Promise<Holdings> {
  for (const until = Date.now() + patienceMs; instance.alive; await delay(250)) {
    const holdings = await holdingsOf(log).catch(() => before);
    if (Date.now() > until || leftovers([holdings], before).length === 0) return holdings;
  }
  return before;
}

/** Some come and go with what the honest client does, and with the checks of its tasks. */
const slack = 12;

function leftovers(holdings: readonly Holdings[], before: Holdings): string[] {
  const last = holdings.at(-1) ?? before;
  const more = Object.entries(last.resources).filter(([name, count]) => count > (before.resources[name] ?? 0) + slack);
  const growth = last.heapBytes - (holdings.at(-2)?.heapBytes ?? last.heapBytes);
  return [
    ...more.map(([name, count]) => `${count} × ${name} are left, of ${before.resources[name] ?? 0} at the beginning`),
    ...(growth > maxGrowthBytes ? [`the heap grew by ${growth} bytes`] : []),
  ];
}

async function stillWorks({ url, alive }: Instance, problems: string[]): Promise<void> {
  if (!alive) problems.push('the process has ended');
  for (const path of ['/health', '/ready']) {
    const { status } = await fetch(new URL(path, url)).catch(() => ({ status: 'no answer' }));
    if (status !== 200) problems.push(`${path} says ${status}`);
  }
}

/** A stop while peers of every kind are there. */
async function endWithPeers(instance: Instance, rude: Sender, seed: number, peers: number): Promise<string[]> {
  const random = new Random(seed);
  const leaving = Array.from({ length: peers }, () => {
    const manners = { ...mannersFrom(random), end: 'until it is hung up on' };
    return runPeer(instance.url, rude, manners, random);
  });
  await delay(500);
  const problem = await endGracefully(instance);
  await Promise.all(leaving);
  return problem ? [problem] : [];
}

const wrongLines = (log: readonly string[]): string[] =>
  log.filter((line) => /"level":[56]0|uncaught|^\s+at |MaxListeners/i.test(line)).map((line) => `the log says ${line}`);

/** Each order is one payment at most, each that was answered is one, and each payment has its row. */
async function wrongPayments({ database, upstream }: World, honest: HonestClient): Promise<string[]> {
  const paid = Map.groupBy(upstream.posts, ({ marker }) => marker);
  const rows = new Set((await database.rows()).map(({ upstreamId }) => upstreamId));
  return [
    ...[...paid]
      .filter(([, posts]) => posts.length > 1)
      .map(([marker, { length }]) => `${marker} was paid ${length} times`),
    ...honest.ordered.filter((marker) => !paid.has(marker)).map((marker) => `${marker} was never paid`),
    ...upstream.posts.filter(({ upstreamId }) => !rows.has(upstreamId)).map(({ marker }) => `${marker} has no row`),
  ];
}

const flags = {
  seconds: { type: 'string', default: '120' },
  seed: { type: 'string', default: '1' },
  peers: { type: 'string', default: '60' },
} as const;

async function main(): Promise<number> {
  const { seconds, seed, peers } = parseArgs({ options: flags }).values;
  const report = await soak({ seconds: Number(seconds), seed: Number(seed), peers: Number(peers) });
  const mebibytes = report.holdings.map(({ heapBytes }) => (heapBytes / 1024 ** 2).toFixed(1));
  const { reads, orders, events } = report.answered;
  for (const problem of report.problems) console.error(`seed ${seed}: ${problem.slice(0, 1_000)}`);
  console.log(
    `${report.connections} connections in ${seconds} s, seed ${seed}: ${report.problems.length} problems; answered ${reads} reads, ${orders} orders, ${events} events; paid ${report.paid}; heap ${mebibytes.join(', ')} MiB`,
  );
  return report.problems.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main());
