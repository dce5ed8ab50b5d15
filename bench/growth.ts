/**
 * `node bench/growth.ts` asks the service for pages of lists, over a thousand tasks and over a million, and says how many
 * times as long it takes over the million: on both databases, with every filter, in turns and round after round.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openDatabase } from '../src/database/client.ts';
import { createTaskStore } from '../src/database/task-store.ts';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { type Contender, contenders, settingsOf } from './contenders.ts';
import { client, createKey } from './database.ts';
import { askFor, type Caller, type List, listsAround, type Page, pages, taskFilterOf } from './lists.ts';
import { describeMachine } from './machine.ts';
import { createTasks, originals, retired } from './many-tasks.ts';
import { freePort, run, settle, stop, untilReady } from './processes.ts';
import { grid } from './report.ts';
import { pageSize } from './requests.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    databases: { type: 'string', default: 'sqlite,postgresql' },
    tasks: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    /** How often a page is asked for in each round, after once that does not count. */
    requests: { type: 'string', default: '10' },
    /** Where the result goes. */
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});

const [service] = contenders;
if (!service) throw new Error('There is nothing to measure.');

/** A list in one of the services, and the cursor of its thousandth page: or of the last full one, if it has not as many. */
interface Listed {
  readonly list: List;
  readonly cursor: string;
}

interface Service {
  readonly url: string;
  readonly keys: Readonly<Record<Caller, string>>;
  readonly listed: readonly Listed[];
  stop(): Promise<void>;
}

/** One page in one round. */
interface Round {
  readonly fewMs: number;
  readonly manyMs: number;
}

interface Case {
  readonly page: Page;
  readonly inFew: Listed;
  readonly inMany: Listed;
  readonly rounds: Round[];
}

interface Line extends List {
  readonly database: string;
  readonly page: Page;
  readonly fewMs: Spread;
  readonly manyMs: Spread;
  /** How many times as long it takes over the many. */
  readonly ratio: Spread;
}

/** The service over a new database with so many tasks. */
async function serve(service: Contender, database: string, tasks: number): Promise<Service> {
  const before = performance.now();
  const middle = await createTasks(database, tasks);
  const keys = {
    [client]: createKey(database, client),
    [retired]: createKey(database, retired),
    admin: createKey(database, 'operator', 'admin'),
  };
  const listed = await cursorsOf(database, listsAround(middle));
  const port = await freePort();
  // Nothing is ordered, and no task is due.
  const settings = settingsOf(service, { port, file: '', token: '', upstreamUrl: 'http://127.0.0.1:1' });
  const process = run(service.file, [], { core: 0, env: { ...settings, DATABASE_URL: database, LOG_LEVEL: 'warn' } });
  await untilReady(`http://127.0.0.1:${port}/ready`, process);
  console.log(`${tasks} tasks made and served after ${((performance.now() - before) / 1_000).toFixed(0)} s`);
  return { url: `http://127.0.0.1:${port}/graphql`, keys, listed, stop: () => stop(process) };
}

async function cursorsOf(url: string, lists: readonly List[]): Promise<Listed[]> {
  const database = await openDatabase(url, pino({ level: 'silent' }));
  const store = createTaskStore(database.client);
  const listed: Listed[] = [];
  for (const list of lists) {
    const tasks = await store.list(taskFilterOf(list), { limit: 1_000 * pageSize, inverted: false });
    listed.push({ list, cursor: tasks.at(-pageSize - 1)?.id ?? '' });
  }
  await database.close();
  return listed;
}

/** Asks for a page in turns so many times, and takes the middle of each one's times. */
async function round(few: Service, many: Service, { page, inFew, inMany }: Case): Promise<Round> {
  const fewMs: number[] = [];
  const manyMs: number[] = [];
  for (let index = 0; index <= Number(options.requests); index++) {
    fewMs.push(await timeOf(few, inFew, page));
    manyMs.push(await timeOf(many, inMany, page));
  }
  return { fewMs: spreadOf(fewMs.slice(1)).median, manyMs: spreadOf(manyMs.slice(1)).median };
}

async function timeOf({ url, keys }: Service, { list, cursor }: Listed, page: Page): Promise<number> {
  const before = performance.now();
  await askFor(url, keys[list.caller], list, pages[page](cursor));
  return performance.now() - before;
}

async function compare(database: string, few: Service, many: Service): Promise<Line[]> {
  const cases = many.listed.flatMap((inMany, index) => {
    const inFew = few.listed[index] ?? inMany;
    return (Object.keys(pages) as Page[]).map((page): Case => ({ page, inFew, inMany, rounds: [] }));
  });
  for (let number = 0; number < Number(options.rounds); number++) {
    for (const one of cases) one.rounds.push(await round(few, many, one));
  }
  return cases.map(({ page, inMany: { list }, rounds }) => {
    const [fewMs, manyMs] = [rounds.map((round) => round.fewMs), rounds.map((round) => round.manyMs)];
    return {
      database,
      ...list,
      page,
      fewMs: spreadOf(fewMs),
      manyMs: spreadOf(manyMs),
      ratio: ratioOf(manyMs, fewMs),
    };
  });
}

/** Measures on a kind of database, of which `create` makes an empty one. */
async function measure(contender: Contender, database: string, create: () => Promise<string>): Promise<Line[]> {
  if (!options.databases.split(',').includes(database)) return [];
  const few = await serve(contender, await create(), originals);
  const many = await serve(contender, await create(), Number(options.tasks));
  const lines = await compare(database, few, many);
  await Promise.all([few.stop(), many.stop()]);
  return lines;
}

const cellsOf = ({ database, caller, filter, page, fewMs, manyMs, ratio: { median, min, max } }: Line): string[] => [
  database,
  caller,
  Object.entries(filter)
    .map(([name, value]) => `${name} ${value}`)
    .join(', '),
  page,
  fewMs.median.toFixed(2),
  manyMs.median.toFixed(2),
  `${median.toFixed(2)}× (${min.toFixed(2)}–${max.toFixed(2)})`,
];

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-growth-'));
const postgres = await startPostgres();
try {
  const lines = [
    ...(await measure(service, 'sqlite', async () => `file:${join(mkdtempSync(join(directory, 'db-')), 'videos.db')}`)),
    ...(await measure(service, 'postgresql', () => createPostgresDatabase(postgres.url))),
  ];
  const setting = { tasks: [originals, Number(options.tasks)], rounds: options.rounds, requests: options.requests };
  const report = { date: new Date().toISOString(), setting, machine: describeMachine([]), lines };
  mkdirSync(options.results, { recursive: true });
  writeFileSync(join(options.results, 'growth.json'), `${JSON.stringify(report, null, 2)}\n`);
  const heads = ['database', 'who asks', 'filter', 'page', `ms of ${originals}`, `ms of ${options.tasks}`, 'times'];
  console.log(grid([heads, ...lines.map(cellsOf)]));
  console.log(`The worst is ${Math.max(...lines.map(({ ratio }) => ratio.median)).toFixed(2)} times.`);
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
