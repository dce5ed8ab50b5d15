import type { ChildProcess } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contender, settingsOf } from './contenders.ts';
import type { CpuUse } from './cpu.ts';
import type { Seed } from './database.ts';
import { freePort, memoryOf, run, runWith, stop, untilReady } from './processes.ts';
import type { Case, Protocol } from './requests.ts';

/** The input of the load program. */
export interface LoadOrder {
  readonly url: string;
  /** The process that is loaded. */
  readonly pid: number;
  /** Other processes to measure, by name. */
  readonly besidePids?: Readonly<Record<string, number>>;
  readonly what: Case;
  readonly protocol: Protocol;
  readonly seed: Seed;
  readonly seconds: number;
  readonly connections: number;
}

/** The result. */
export interface Measured extends Seen {
  /** What the contender used of its processor meanwhile, and what disturbed it there. */
  readonly cpu: CpuUse;
  /** What the load used of its own: near 1, it is the load that was measured. */
  readonly loadCpu: number | null;
  /** The processors that the other measured processes used. */
  readonly besideCpu?: Readonly<Record<string, number | null>>;
}

/** What the load program saw. */
export interface Seen {
  /** Right answers a second; everything else stands in `wrong`. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answers: number;
  readonly wrong: number;
}

/** The common start of all contenders. */
export interface Ground {
  readonly directory: string;
  /** The database of which each of them gets a copy at each start. */
  readonly template: string;
  readonly seed: Seed;
  readonly upstreamUrl: string;
  /** Where the profiles of the processor time go, if they are wanted; profiling slows down. */
  readonly profiles: string | null;
}

export interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  /** From the spawn until it was ready to work. */
  readonly readyMs: number;
}

const loadProgram = join(import.meta.dirname, 'peers/load.ts');

/** Starts a contender on a fresh copy of the database. */
export async function start(contender: Contender, ground: Ground): Promise<Started> {
  const port = await freePort();
  const file = join(ground.directory, `${contender.name}-${port}.db`);
  copyFileSync(ground.template, file);
  const env = settingsOf(contender, { port, file, token: ground.seed.token, upstreamUrl: ground.upstreamUrl });
  const logFile = join(ground.directory, `${contender.name}.log`);
  const before = performance.now();
  const profiling = [
    '--cpu-prof',
    `--cpu-prof-dir=${ground.profiles}`,
    `--cpu-prof-name=${contender.name}-${port}.cpuprofile`,
  ];
  const nodeOptions = [...(contender.nodeOptions ?? []), ...(ground.profiles === null ? [] : profiling)];
  const process = run(contender.file, [], { core: 0, env, nodeOptions, logFile });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  return { process, url, readyMs: performance.now() - before };
}

/** Loads a contender that has been started with one case. */
export async function measure(
  contender: Contender,
  { process, url }: Started,
  what: Case,
  { seed }: Ground,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Measured> {
  const order: LoadOrder = {
    url,
    pid: process.pid ?? 0,
    what,
    protocol: contender.protocol,
    seed,
    seconds,
    connections,
  };
  const measured = JSON.parse(await runWith(loadProgram, order, (seconds + 20) * 1_000)) as Measured;
  if (measured.wrong > 0) {
    throw new Error(`${contender.name} gave ${measured.wrong} wrong answers to ${what}, beside ${measured.answers}.`);
  }
  return measured;
}

export interface StartCost {
  readonly readyMs: readonly number[];
  /** Resident, after ten seconds in which nobody asked for anything. */
  readonly idleMegabytes: number | null;
}

const idleMs = 10_000;

/** Starts a contender so many times; the first one, which warms the caches of the system, does not count. */
export async function measureStart(contender: Contender, ground: Ground, times: number): Promise<StartCost> {
  const readyMs: number[] = [];
  for (let index = 0; index < times; index++) {
    const { process, readyMs: took } = await start(contender, ground);
    await stop(process);
    if (index > 0) readyMs.push(took);
  }
  const last = await start(contender, ground);
  readyMs.push(last.readyMs);
  await sleep(idleMs);
  const idleMegabytes = memoryOf(last.process);
  await stop(last.process);
  return { readyMs, idleMegabytes };
}
