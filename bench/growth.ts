/**
 * `node bench/growth.ts` asks the service for pages of lists, over a thousand tasks and over a million, and says how many
 * times as long it takes over the million: on both databases, with every filter, in turns and round after round.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openDatabase } from '../src/database/database.ts';
import { createTaskStore } from '../src/database/prisma-task-store.ts';
import type { TaskStore } from '../src/tasks/task-store.ts';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { type Contender, contenders, settingsOf } from './contenders.ts';
import { client, createKey } from './database.ts';
import { askFor, type Caller, type List, listsAround, type Page, pages, taskFilterOf, taskPageOf } from './lists.ts';
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
  /** The store of the service, without its cache. */
  readonly store: TaskStore;
  readonly listed: readonly Listed[];
  stop(): Promise<void>;
}

/** What is timed: to have whole rows from the database, and to have an answer from the service. */
const ways = {
  read: ({ store }: Service, { list, cursor }: Listed, page: Page) =>
    store.list(taskFilterOf(list), taskPageOf(pages[page](cursor))),
  answer: ({ url, keys }: Service, { list, cursor }: Listed, page: Page) =>
    askFor(url, keys[list.caller], list, pages[page](cursor)),
} as const;

type Way = keyof typeof ways;

interface Case {
  readonly page: Page;
  readonly way: Way;
  readonly inFew: Listed;
  readonly inMany: Listed;
  /** The median of each round, in milliseconds. */
  readonly fewMs: number[];
  readonly manyMs: number[];
}

interface Line extends List {
  readonly database: string;
  readonly page: Page;
  readonly way: Way;
  readonly fewMs: Spread;
  readonly manyMs: Spread;
  /** How many times as long it takes over the many. */
  readonly ratio: Spread;
}

/** The service over a new database with so many tasks. */
async function serve(contender: Contender, databaseUrl: string, tasks: number): Promise<Service> {
  const before = performance.now();
  const middle = await createTasks(databaseUrl, tasks);
  const keys = {
    [client]: createKey(databaseUrl, client),
    [retired]: createKey(databaseUrl, retired),
    admin: createKey(databaseUrl, 'operator', 'admin'),
  };
  const port = await freePort();
  // Nothing is ordered, and no task is due.
  const settings = settingsOf(contender, { port, file: '', token: '', upstreamUrl: 'http://127.0.0.1:65535' });
  const env = { ...settings, DATABASE_URL: databaseUrl, LOG_LEVEL: 'warn' };
  const process = run(contender.file, [], { core: 0, env });
  await untilReady(`http://127.0.0.1:${port}/ready`, process);
  const database = await openDatabase(databaseUrl, pino({ level: 'silent' }));
  const store = createTaskStore(database.client);
  const listed: Listed[] = [];
  for (const list of listsAround(middle)) {
    const found = await store.list(taskFilterOf(list), { limit: 1_000 * pageSize, inverted: false });
    listed.push({ list, cursor: found.at(-pageSize - 1)?.id ?? '' });
  }
  console.log(`${tasks} tasks made and served after ${((performance.now() - before) / 1_000).toFixed(0)} s`);
  const url = `http://127.0.0.1:${port}/graphql`;
  return { url, keys, store, listed, stop: () => Promise.all([stop(process), database.close()]).then(() => {}) };
}

/** Asks for a page in turns so many times, and notes the middle of each one's times. */
async function time(few: Service, many: Service, { page, way, inFew, inMany, fewMs, manyMs }: Case): Promise<void> {
  const timed = async (service: Service, listed: Listed) => {
    const before = performance.now();
    await ways[way](service, listed, page);
    return performance.now() - before;
  };
  const ofFew: number[] = [];
  const ofMany: number[] = [];
  for (let index = 0; index <= Number(options.requests); index++) {
    ofFew.push(await timed(few, inFew));
    ofMany.push(await timed(many, inMany));
  }
  fewMs.push(spreadOf(ofFew.slice(1)).median);
  manyMs.push(spreadOf(ofMany.slice(1)).median);
}

const names = <Name extends string>(record: Readonly<Record<Name, unknown>>) => Object.keys(record) as Name[];

async function compare(database: string, few: Service, many: Service): Promise<Line[]> {
  const cases = names(ways).flatMap((way) =>
    many.listed.flatMap((inMany, index) =>
      names(pages).map((page): Case => {
        return { page, way, inFew: few.listed[index] ?? inMany, inMany, fewMs: [], manyMs: [] };
      }),
    ),
  );
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const one of cases) await time(few, many, one);
  }
  return cases.map(({ page, way, inMany: { list }, fewMs, manyMs }) => ({
    database,
    ...list,
    page,
    way,
    fewMs: spreadOf(fewMs),
    manyMs: spreadOf(manyMs),
    ratio: ratioOf(manyMs, fewMs),
  }));
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

const filterOf = ({ filter }: Line): string =>
  Object.entries(filter)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const timesOf = ({ fewMs, manyMs, ratio }: Line): string =>
  `${fewMs.median.toFixed(2)} → ${manyMs.median.toFixed(2)} ms, ${ratio.median.toFixed(2)}×`;

/** To the microsecond. */
const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(3)) : value);

/** The pages of a list beside each other. */
function tableOf(lines: readonly Line[]): string {
  const lists = Map.groupBy(lines, (line) => [line.database, line.caller, filterOf(line), line.way].join('|'));
  return grid([
    ['database', 'who asks', 'filter', 'what', ...names(pages)],
    ...[...lists].map(([list, ofPages]) => [...list.split('|'), ...ofPages.map(timesOf)]),
  ]);
}

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
  writeFileSync(join(options.results, 'growth.json'), `${JSON.stringify(report, rounded, 1)}\n`);
  console.log(tableOf(lines));
  for (const way of names(ways)) {
    const ratios = lines.flatMap((line) => (line.way === way ? line.ratio.median : []));
    console.log(
      `${way}: ${spreadOf(ratios).median.toFixed(2)} times in the middle, ${spreadOf(ratios).max.toFixed(2)} at the worst`,
    );
  }
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
