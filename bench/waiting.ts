/**
 * `node bench/waiting.ts` says what it costs two instances on PostgreSQL to send orders that wait, and to answer reads
 * meanwhile, by how many orders wait. README.md beside this file says how.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { contenders, settingsOf } from './contenders.ts';
import { fillDatabase, waitingTask } from './database.ts';
import { measure, type Phase, type Service } from './file-phases.ts';
import { watchLoop } from './inspector.ts';
import { describeMachine } from './machine.ts';
import { freePort, run, settle, stop, untilReady } from './processes.ts';
import { grid } from './report.ts';

const { values: options } = parseArgs({
  options: {
    waiting: { type: 'string', default: '0,3000,100000' },
    seconds: { type: 'string', default: '15' },
    /** UPSTREAM_SUBMITS_PER_MINUTE, of both instances together. */
    'submits-per-minute': { type: 'string', default: 'none' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});

/** Short, because orders are sent meanwhile. */
const warmUpMs = 3_000;

interface Line extends Phase {
  readonly waiting: number;
  /** Orders sent by both instances. */
  readonly sent: number;
}

const columns: Record<string, (line: Line) => string> = {
  waiting: ({ waiting }) => waiting.toLocaleString('en'),
  'sent/s': ({ sent, seconds }) => (sent / seconds).toFixed(1),
  CPU: ({ cpu }) => `${Math.round(cpu * 100)} %`,
  'read p50': ({ reads }) => `${reads.p50Ms.toFixed(1)} ms`,
  'read p99': ({ reads }) => `${reads.p99Ms.toFixed(1)} ms`,
  'bench late p99': ({ benchLate }) => `${benchLate.p99Ms.toFixed(1)} ms`,
  'loop p99': ({ loopDelay }) => `${loopDelay.p99Ms.toFixed(1)} ms`,
  MB: ({ megabytes }) => megabytes.most.toFixed(0),
};

const tableOf = (lines: readonly Line[]): string =>
  grid([Object.keys(columns), ...lines.map((line) => Object.values(columns).map((cell) => cell(line)))]);

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
const postgres = await startPostgres();

async function start(databaseUrl: string, upstreamUrl: string, seed: Service['seed'], core: 0 | 1): Promise<Service> {
  const [service] = contenders;
  if (!service) throw new Error('The service is no contender.');
  const [port, inspectorPort] = [await freePort(), await freePort()];
  const process = run(service.file, [], {
    core,
    env: {
      ...settingsOf(service, { port, file: join(directory, 'unused.db'), token: seed.token, upstreamUrl }),
      ...{ DATABASE_URL: databaseUrl, STORAGE_URL: 'none' },
      UPSTREAM_SUBMITS_PER_MINUTE: options['submits-per-minute'],
    },
    nodeOptions: [...(service.nodeOptions ?? []), `--inspect-port=${inspectorPort}`],
    logFile: join(directory, `${port}.log`),
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  return { process, url, seed, loop: await watchLoop(process, inspectorPort) };
}

async function lineOf(waiting: number): Promise<Line> {
  const databaseUrl = await createPostgresDatabase(postgres.url);
  const seed = await fillDatabase(databaseUrl, 1_000, waiting, waitingTask);
  const upstreamPort = await freePort();
  const upstream = run(join(import.meta.dirname, 'upstream.ts'), [String(upstreamPort)], { core: 1 });
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}`;
  const [first, second] = [
    await start(databaseUrl, upstreamUrl, seed, 0),
    await start(databaseUrl, upstreamUrl, seed, 1),
  ];
  const rest = () => sleep(Number(options.seconds) * 1_000).then(() => ({}));
  await measure('warm-up', first, () => sleep(warmUpMs).then(() => ({})));
  const sentBefore = await sentBy(first);
  const phase = await measure(`${waiting} waiting`, first, rest);
  const sent = (await sentBy(first)) - sentBefore;
  await Promise.all([stop(first.process), stop(second.process), stop(upstream)]);
  return { ...phase, waiting, sent };
}

/** How many orders have been taken, which nothing checks during the run. */
async function sentBy({ url, seed: { token } }: Service): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: '{ videoTaskCounts(filter: { statuses: [QUEUED] }) { count } }' });
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  const { data } = (await response.json()) as { data: { videoTaskCounts: [{ count: number }] } };
  return data.videoTaskCounts[0].count;
}

try {
  const lines: Line[] = [];
  for (const waiting of options.waiting.split(',').map(Number)) lines.push(await lineOf(waiting));
  console.log(tableOf(lines));
  const { results, ...settings } = options;
  const report = { date: new Date().toISOString(), options: settings, lines, machine: describeMachine([]) };
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'waiting.json'), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
