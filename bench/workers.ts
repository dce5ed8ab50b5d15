/**
 * `node bench/workers.ts` loads the service on PostgreSQL with one worker and with two, in turn and round after round,
 * and says what each of them gives and takes. Nothing is pinned to a processor: service, database, load and upstream
 * share those there are.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { install } from '../scripts/install.ts';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { contenders, settingsOf } from './contenders.ts';
import { fillDatabase, type Seed } from './database.ts';
import { describeMachine } from './machine.ts';
import type { LoadOrder, Measured } from './measure.ts';
import { freePort, run, runWith, settle, stop, untilReady } from './processes.ts';
import { grid } from './report.ts';
import { spreadOf } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    tasks: { type: 'string', default: '1000' },
    results: { type: 'string', default: join(import.meta.dirname, 'results/workers.json') },
  },
});

const counts = options.workers.split(',').map(Number);
const cases = ['read', 'submit'] as const;
const seconds = Number(options.seconds);
const connections = Number(options.connections);

interface Round extends Measured {
  readonly round: number;
  readonly workers: number;
  readonly case: (typeof cases)[number];
}

interface Ground {
  readonly directory: string;
  readonly server: pg.Client;
  /** The database of which each start gets a copy. */
  readonly template: URL;
  readonly seed: Seed;
  readonly upstreamUrl: string;
  /** What is looked at beside the service. */
  readonly besidePids: Readonly<Record<'postgres' | 'upstream', number>>;
}

const service = contenders[0]!;

/** Starts the service on a copy of the database; resolves when all its workers serve, as only then they share the connections. */
async function start(workers: number, ground: Ground, round: number) {
  const name = `bench_${workers}_${round}`;
  await ground.server.query(`CREATE DATABASE ${name} TEMPLATE "${ground.template.pathname.slice(1)}"`);
  const port = await freePort();
  const logFile = join(ground.directory, `${name}.log`);
  const settings = settingsOf(service, { port, file: '', token: ground.seed.token, upstreamUrl: ground.upstreamUrl });
  const env = { ...settings, DATABASE_URL: Object.assign(new URL(ground.template), { pathname: name }).href };
  const process = run(service.file, ['--workers', String(workers)], { env, logFile });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  while (readFileSync(logFile, 'utf8').split('GraphQL at').length <= workers) await sleep(50);
  return { process, url };
}

/** One turn: a fresh start, then one case after the other. */
async function turn(workers: number, ground: Ground, round: number): Promise<Round[]> {
  const { process, url } = await start(workers, ground, round);
  const measured: Round[] = [];
  for (const what of cases) {
    const { seed, besidePids } = ground;
    const pid = process.pid ?? 0;
    const order: LoadOrder = { url, pid, besidePids, what, protocol: 'graphql', seed, seconds, connections };
    const load = join(import.meta.dirname, 'peers/load.ts');
    const result = JSON.parse(await runWith(load, order, (seconds + 20) * 1_000, {})) as Measured;
    if (result.wrong > 0) throw new Error(`${result.wrong} wrong answers to ${what} of ${workers} workers.`);
    measured.push({ ...result, round, workers, case: what });
    console.log(`round ${round}  ${workers} workers  ${what.padEnd(7)}${Math.round(result.perSecond)}/s`);
  }
  await stop(process);
  return measured;
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const cores = (used: number | null | undefined): string => (used == null ? '' : used.toFixed(2));

function cells(all: readonly Round[]): string[] {
  const [first] = all;
  const middle = (of: (round: Round) => number | null | undefined) =>
    spreadOf(all.map((round) => of(round) ?? Number.NaN)).median;
  const { median, min, max } = spreadOf(all.map(({ perSecond }) => perSecond));
  return [
    `${first?.case}`,
    `${first?.workers}`,
    whole(median),
    `${whole(min)}–${whole(max)}`,
    middle(({ p50Ms }) => p50Ms).toFixed(0),
    middle(({ p99Ms }) => p99Ms).toFixed(0),
    cores(middle(({ cpu }) => cpu.own)),
    cores(middle(({ besideCpu }) => besideCpu?.['postgres'])),
    cores(middle(({ loadCpu, besideCpu }) => (loadCpu ?? Number.NaN) + (besideCpu?.['upstream'] ?? Number.NaN))),
    whole(middle(({ perSecond, cpu }) => perSecond / (cpu.own ?? Number.NaN))),
  ];
}

async function compare(ground: Ground): Promise<Round[]> {
  const all: Round[] = [];
  for (let round = 1; round <= Number(options.rounds); round++)
    for (const workers of counts) all.push(...(await turn(workers, ground, round)));
  return all;
}

settle(null);
install(join(import.meta.dirname, 'peers'));
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
const postgres = await startPostgres();
const server = new pg.Client({ connectionString: postgres.url });
try {
  await server.connect();
  const template = new URL(await createPostgresDatabase(postgres.url));
  const seed = await fillDatabase(template.href, Number(options.tasks));
  const upstreamPort = await freePort();
  const upstream = run(join(import.meta.dirname, 'upstream.ts'), [String(upstreamPort)], {});
  const { rows } = await server.query('SHOW data_directory');
  const postmaster = Number(readFileSync(join(rows[0].data_directory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const besidePids = { postgres: postmaster, upstream: upstream.pid ?? 0 };
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}`;
  const all = await compare({ directory, server, template, seed, upstreamUrl, besidePids });
  await stop(upstream);
  const heads = ['case', 'workers', 'per second', 'min–max', 'p50 ms', 'p99 ms'];
  const uses = ['service, cores', 'PostgreSQL', 'load and upstream', 'per core second of the service'];
  const lines = cases.flatMap((what) =>
    counts.map((count) => cells(all.filter((round) => round.case === what && round.workers === count))),
  );
  const machine = { ...describeMachine(['autocannon']), pinned: 'nothing is pinned to a core' };
  const setting = { ...options, results: undefined };
  const report = { date: new Date().toISOString(), machine, setting, rounds: all };
  mkdirSync(join(options.results, '..'), { recursive: true });
  writeFileSync(options.results, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${JSON.stringify({ ...setting, ...machine })}\n\n${grid([[...heads, ...uses], ...lines])}`);
} finally {
  await server.end();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
