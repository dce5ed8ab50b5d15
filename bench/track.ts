import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { type DatabaseClient, openDatabase } from '../src/database/client.ts';
import { type CpuUse, cpuMeter } from './cpu.ts';
import { createOpenTasks } from './database.ts';
import { freePort, memoryOf, run, stop, untilReady } from './processes.ts';

/** What is to be followed, and how. */
export interface Tracking {
  readonly tasks: number;
  /** TRACKER_INTERVAL_MS: pauses are this long, and up to half of it more. */
  readonly intervalMs: number;
  /** TRACKER_CONCURRENCY. */
  readonly concurrency: number;
  /** How long the stand-in takes for an answer. */
  readonly answerMs: number;
  /** Before the measurement: the code is compiled by then, and the tasks' first turns lie behind it. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** How long `/health` is asked afterwards: an answer costs more than a check. */
  readonly probeSeconds: number;
}

export interface Tracked extends Tracking {
  readonly checks: number;
  readonly perSecond: number;
  /** How many checks a second its tasks ask for. */
  readonly wantedPerSecond: number;
  readonly cpu: CpuUse;
  readonly cpuMsPerCheck: number | null;
  /** From the moment at which a check was due until the stand-in had the request. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  /** The part of the checks of which it is known when they were due. */
  readonly lagKnown: number;
  /** Requests beyond those that are recorded: asked again, or broken off by the end of the run. */
  readonly unrecorded: number;
  /** What a request of `/health` took meanwhile. */
  readonly healthP50Ms: number;
  readonly healthP99Ms: number;
  readonly memoryMegabytes: number | null;
}

interface Place {
  readonly directory: string;
  readonly databaseUrl: string;
  readonly profiles: string | null;
}

const probeEveryMs = 25;

export async function track(tracking: Tracking, place: Place): Promise<Tracked> {
  const database = await openDatabase(place.databaseUrl, pino({ level: 'silent' }));
  const meanPauseMs = tracking.intervalMs * 1.25;
  // Writing a task takes less than this.
  const firstDue = new Date(Date.now() + 3_000 + tracking.tasks * 0.4);
  await createOpenTasks(database.client, tracking.tasks, firstDue, meanPauseMs);
  const upstreamPort = await freePort();
  const standIn = join(import.meta.dirname, 'steady-upstream.ts');
  const upstream = run(standIn, [String(upstreamPort), String(tracking.answerMs)], { core: 1 });
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}`;
  await untilReady(`${upstreamUrl}/arrivals`, upstream);
  const due = watchSchedule(database.client, Math.min(meanPauseMs / 3, 10_000));
  await sleep(firstDue.getTime() - Date.now());
  const { url, service } = await startService(tracking, place, upstreamUrl);
  await sleep(tracking.warmUpSeconds * 1_000);
  const from = Date.now();
  const meter = cpuMeter(service.pid ?? 0);
  await sleep(tracking.seconds * 1_000);
  const cpu = meter();
  const to = Date.now();
  const probes = await probe(`${url}/health`, tracking.probeSeconds * 1_000);
  const memoryMegabytes = memoryOf(service);
  await stop(service);
  const times = await due.end();
  const arrivals = (await (await fetch(`${upstreamUrl}/arrivals`)).json()) as Arrivals;
  await stop(upstream);
  const { _sum } = await database.client.task.aggregate({ _sum: { checkCount: true } });
  await database.close();
  const seen = seenIn(arrivals, times, from, to);
  const asked = Object.values(arrivals).reduce((sum, { length }) => sum + length, 0);
  const perSecond = (seen.checks / (to - from)) * 1_000;
  return {
    ...tracking,
    ...seen,
    perSecond,
    wantedPerSecond: tracking.tasks / (meanPauseMs / 1_000),
    cpu,
    cpuMsPerCheck: cpu.own === null ? null : (cpu.own * 1_000) / perSecond,
    unrecorded: asked - (_sum.checkCount ?? 0),
    healthP50Ms: at(probes, 0.5),
    healthP99Ms: at(probes, 0.99),
    memoryMegabytes,
  };
}

async function startService(tracking: Tracking, { directory, databaseUrl, profiles }: Place, upstreamUrl: string) {
  const port = await freePort();
  const env = {
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: 'sk-bench',
    GROK_API_BASE_URL: upstreamUrl,
    TRACKER_INTERVAL_MS: String(tracking.intervalMs),
    TRACKER_CONCURRENCY: String(tracking.concurrency),
  };
  const nodeOptions = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const logFile = join(directory, 'service.log');
  const service: ChildProcess = run(join(import.meta.dirname, '../src/main.ts'), [], {
    core: 0,
    env,
    nodeOptions,
    logFile,
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, service);
  return { url, service };
}

/** Asks over and over, whether the last one is answered or not, and returns the times that answers took, sorted. */
async function probe(url: string, forMs: number): Promise<number[]> {
  const end = performance.now() + forMs;
  const asked: Promise<number>[] = [];
  while (performance.now() < end) {
    const before = performance.now();
    // One that is given up took as long as that.
    const answered = fetch(url).then((answer) => answer.arrayBuffer());
    asked.push(answered.catch(() => {}).then(() => performance.now() - before));
    await sleep(probeEveryMs);
  }
  return (await Promise.all(asked)).sort((a, b) => a - b);
}

/** The upstream's id and how often the task has been checked, and when the next check is due, since the epoch. */
type DueTimes = Map<string, number>;

const keyOf = (upstreamId: string | null, checks: number): string => `${upstreamId} ${checks}`;

/**
 * Looks up from time to time when each task is due: more often than a task is checked, so that no due time is missed.
 * In small parts, because this process has answers to time as well.
 */
function watchSchedule({ task }: DatabaseClient, everyMs: number): { end(): Promise<DueTimes> } {
  const times: DueTimes = new Map();
  const ended = new AbortController();
  const select = { id: true, upstreamId: true, checkCount: true, nextCheckAt: true } as const;
  const look = async (after: string): Promise<void> => {
    const rows = await task.findMany({ where: { id: { gt: after } }, select, orderBy: { id: 'asc' }, take: 1_000 });
    for (const { upstreamId, checkCount, nextCheckAt } of rows) {
      if (nextCheckAt) times.set(keyOf(upstreamId, checkCount), nextCheckAt.getTime());
    }
    const last = rows.at(-1);
    await sleep(5);
    if (last) await look(last.id);
  };
  const looking = (async () => {
    while (!ended.signal.aborted) {
      await look('');
      await Promise.race([sleep(everyMs), once(ended.signal, 'abort')]);
    }
  })();
  return {
    async end() {
      ended.abort();
      await looking;
      return times;
    },
  };
}

/** When each task was asked about, in milliseconds since the epoch. */
type Arrivals = Readonly<Record<string, readonly number[]>>;

function seenIn(arrivals: Arrivals, times: DueTimes, from: number, to: number) {
  const lags: number[] = [];
  let checks = 0;
  for (const [id, moments] of Object.entries(arrivals)) {
    for (const [before, moment] of moments.entries()) {
      if (moment < from || moment >= to) continue;
      checks += 1;
      const due = times.get(keyOf(id, before));
      if (due !== undefined) lags.push(moment - due);
    }
  }
  lags.sort((a, b) => a - b);
  return {
    checks,
    lagP50Ms: at(lags, 0.5),
    lagP99Ms: at(lags, 0.99),
    lagMaxMs: at(lags, 1),
    lagKnown: lags.length / checks,
  };
}

/** The value at a part of sorted values. */
const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
