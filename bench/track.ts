import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { openDatabase } from '../src/database/database.ts';
import { type CpuUse, cpuMeter } from './cpu.ts';
import { createOpenTasks } from './database.ts';
import { type Arrivals, type Lag, lagOf, watchSchedule } from './lag.ts';
import { freePort, memoryOf, run, stop, untilReady } from './processes.ts';
import { partOf } from './statistics.ts';

/** What is to be followed, and how. */
export interface Tracking {
  readonly tasks: number;
  /** TRACKER_INTERVAL_MS: pauses are this long, and up to half of it more. */
  readonly intervalMs: number;
  /** TRACKER_CONCURRENCY. */
  readonly concurrency: number;
  /** How long the stand-in takes for an answer. */
  readonly answerMs: number;
  /** Before the measurement: the code is compiled by then, and the first checks after the start lie behind it. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** How long `/health` is asked afterwards; not meanwhile, because an answer costs more than a check. */
  readonly probeSeconds: number;
}

interface Measured {
  /** The measurement's begin and end, in milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly cpu: CpuUse;
  readonly healthP50Ms: number;
  readonly healthP99Ms: number;
  readonly memoryMegabytes: number | null;
}

export interface Tracked extends Tracking, Measured, Lag {
  readonly perSecond: number;
  /** How many checks a second its tasks ask for. */
  readonly wantedPerSecond: number;
  readonly cpuMsPerCheck: number | null;
  /** Requests beyond those that are recorded: asked again, or broken off by the end of the run. */
  readonly unrecorded: number;
}

interface Place {
  readonly directory: string;
  /** An empty database. */
  readonly databaseUrl: string;
  readonly profiles: string | null;
}

/** A pause is as long as the interval at least, and half as long again at most. */
const meanPauses = 1.25;

/** Follows tasks with the service as it is shipped, and says what came of it. */
export async function track(tracking: Tracking, place: Place): Promise<Tracked> {
  const { tasks, intervalMs, answerMs } = tracking;
  const meanPauseMs = intervalMs * meanPauses;
  const database = await openDatabase(place.databaseUrl, pino({ level: 'silent' }));
  // They are written by then.
  const firstDue = new Date(Date.now() + 3_000 + tasks * 0.4);
  await createOpenTasks(database.client, tasks, firstDue, meanPauseMs);
  const port = await freePort();
  const upstream = run(join(import.meta.dirname, 'steady-upstream.ts'), [`${port}`, `${answerMs}`], { core: 1 });
  const schedule = watchSchedule(database.client, Math.min(meanPauseMs / 3, 10_000));
  try {
    const upstreamUrl = `http://127.0.0.1:${port}`;
    await untilReady(`${upstreamUrl}/arrivals`, upstream);
    await sleep(firstDue.getTime() - Date.now());
    const measured = await measure(tracking, place, upstreamUrl);
    const arrivals = (await (await fetch(`${upstreamUrl}/arrivals`)).json()) as Arrivals;
    const recorded = await database.client.task.aggregate({ _sum: { checkCount: true } });
    const lag = lagOf(arrivals, schedule, measured.from, measured.to);
    const perSecond = (lag.checks / (measured.to - measured.from)) * 1_000;
    return {
      ...tracking,
      ...measured,
      ...lag,
      perSecond,
      wantedPerSecond: tasks / (meanPauseMs / 1_000),
      cpuMsPerCheck: measured.cpu.own === null ? null : (measured.cpu.own * 1_000) / perSecond,
      unrecorded: Object.values(arrivals).flat().length - (recorded._sum.checkCount ?? 0),
    };
  } finally {
    await schedule.end();
    await stop(upstream);
    await database.close();
  }
}

async function measure(tracking: Tracking, place: Place, upstreamUrl: string): Promise<Measured> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = startService(port, tracking, place, upstreamUrl);
  try {
    await untilReady(`${url}/ready`, service);
    await sleep(tracking.warmUpSeconds * 1_000);
    const from = Date.now();
    const meter = cpuMeter(service.pid ?? 0);
    await sleep(tracking.seconds * 1_000);
    const cpu = meter();
    const to = Date.now();
    const probes = await probe(`${url}/health`, tracking.probeSeconds * 1_000);
    const memoryMegabytes = memoryOf(service);
    return { from, to, cpu, healthP50Ms: partOf(probes, 0.5), healthP99Ms: partOf(probes, 0.99), memoryMegabytes };
  } finally {
    await stop(service);
  }
}

function startService(
  port: number,
  { intervalMs, concurrency }: Tracking,
  { directory, databaseUrl, profiles }: Place,
  upstreamUrl: string,
) {
  const env = {
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: 'sk-bench',
    GROK_API_BASE_URL: upstreamUrl,
    TRACKER_INTERVAL_MS: String(intervalMs),
    TRACKER_CONCURRENCY: String(concurrency),
  };
  const nodeOptions = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const logFile = join(directory, 'service.log');
  return run(join(import.meta.dirname, '../src/main.ts'), [], { core: 0, env, nodeOptions, logFile });
}

const probeEveryMs = 25;

/**
 * Sends requests at an interval, whether the last one was answered or not, and returns the times that the answers took.
 */
async function probe(url: string, forMs: number): Promise<number[]> {
  const end = performance.now() + forMs;
  const asked: Promise<number>[] = [];
  while (performance.now() < end) {
    const before = performance.now();
    // A request that is given up counts with the time until then.
    const answered = fetch(url).then((answer) => answer.arrayBuffer());
    asked.push(answered.catch(() => {}).then(() => performance.now() - before));
    await sleep(probeEveryMs);
  }
  return Promise.all(asked);
}
