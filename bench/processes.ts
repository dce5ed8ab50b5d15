import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is measured has processor 0 for itself; the load and the upstream's stand-in share the other. */
export type Core = 0 | 1;

export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

const running = new Set<ChildProcess>();

/**
 * The bench itself runs on the other processor too, where taskset is available. When it ends, for any reason, it ends
 * all processes that it started.
 */
export function settle(core: Core | null = 1): void {
  if (pinned && core !== null) spawnSync('taskset', ['-cp', String(core), String(process.pid)]);
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
}

interface Options {
  /** The processor that it has to stay on; without it, any. */
  readonly core?: Core;
  readonly env?: Record<string, string>;
  /** Options of Node's own. */
  readonly nodeOptions?: readonly string[];
  /** Where its output goes; without it, standard output is to be read. */
  readonly logFile?: string;
}

/** Runs a file with this Node: taskset becomes what it starts, so the process id is the program's. */
export function run(
  file: string,
  args: readonly string[],
  { core, env = {}, nodeOptions = [], logFile }: Options,
): ChildProcess {
  const { PATH = '' } = process.env;
  const pin = pinned && core !== undefined ? ['taskset', '-c', String(core)] : [];
  const command = [...pin, process.execPath, ...nodeOptions, file, ...args];
  const log = logFile === undefined ? undefined : openSync(logFile, 'a');
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { PATH, NODE_ENV: 'production', ...env },
    stdio: log === undefined ? ['pipe', 'pipe', 'inherit'] : ['ignore', log, log],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs a file to its end, with something to read; returns what it writes. */
export async function runWith(
  file: string,
  input: unknown,
  timeoutMs: number,
  options: Options = { core: 1 },
): Promise<string> {
  const child = run(file, [], options);
  const patience = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  child.stdin?.end(JSON.stringify(input));
  const [written, [code]] = await Promise.all([child.stdout ? text(child.stdout) : '', once(child, 'exit')]);
  clearTimeout(patience);
  if (code !== 0) throw new Error(`${file} ended with ${code ?? 'a signal'}.`);
  return written;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 12_000);
  await exited;
  clearTimeout(patience);
}

/** How long a start may take. */
const startPatienceMs = 20_000;

/** Resolves when the URL answers with 200. */
export async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const end = performance.now() + startPatienceMs;
  while (performance.now() < end && child.exitCode === null) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await sleep(5);
  }
  throw new Error(`${url} did not become ready.`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** The resident memory of a process in megabytes; null where the system does not say it. */
export function memoryOf({ pid }: ChildProcess): number | null {
  const kilobytes = Number(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout);
  return kilobytes > 0 ? kilobytes / 1_024 : null;
}
