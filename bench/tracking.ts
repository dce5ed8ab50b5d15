/**
 * `node bench/tracking.ts` says how many open tasks one process follows on one core, how late their checks are and what
 * a check costs. README.md beside this file says how that is measured.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { describeMachine } from './machine.ts';
import { settle } from './processes.ts';
import { grid } from './report.ts';
import { type Tracked, track } from './track.ts';

const { values: options } = parseArgs({
  options: {
    /** `sqlite` or `postgresql`. */
    database: { type: 'string', default: 'sqlite' },
    /** So many open tasks at an interval of so many seconds. */
    cases: { type: 'string', default: '1000@40,10000@40,50000@40,1000@0.8,50000@10' },
    seconds: { type: 'string', default: '40' },
    /** TRACKER_CONCURRENCY. */
    concurrency: { type: 'string', default: '500' },
    /** How long the stand-in takes for an answer, in milliseconds. */
    answer: { type: 'string', default: '100' },
    /** A directory for a profile of each process; not for figures, as it slows down. */
    profiles: { type: 'string' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});

interface Line extends Tracked {
  readonly database: string;
  readonly date: string;
  readonly machine: ReturnType<typeof describeMachine>;
}

const whole = (value: number | null): string => (value === null ? '' : Math.round(value).toLocaleString('en'));

const columns: Record<string, (line: Line) => string> = {
  database: ({ database }) => database,
  'open tasks': ({ tasks }) => whole(tasks),
  'every s': ({ intervalMs }) => `${intervalMs / 1_000}–${(intervalMs * 1.5) / 1_000}`,
  'checks/s': ({ perSecond }) => whole(perSecond),
  wanted: ({ wantedPerSecond }) => whole(wantedPerSecond),
  'CPU ms a check': ({ cpuMsPerCheck }) => cpuMsPerCheck?.toFixed(2) ?? '',
  'its core': ({ cpu }) => (cpu.own === null ? '' : `${whole(cpu.own * 100)} %`),
  'others there': ({ cpu }) => (cpu.others === null ? '' : `${whole(cpu.others * 100)} %`),
  'lag p50 ms': ({ lagP50Ms }) => whole(lagP50Ms),
  'lag p99 ms': ({ lagP99Ms }) => whole(lagP99Ms),
  'lag known': ({ lagKnown }) => `${(lagKnown * 100).toFixed(1)} %`,
  '/health p50 ms': ({ healthP50Ms }) => healthP50Ms.toFixed(1),
  '/health p99 ms': ({ healthP99Ms }) => healthP99Ms.toFixed(1),
  MB: ({ memoryMegabytes }) => whole(memoryMegabytes),
};

const tableOf = (lines: readonly Line[]): string =>
  grid([Object.keys(columns), ...lines.map((line) => Object.values(columns).map((cell) => cell(line)))]);

const file = join(options.results, 'tracking.json');
const caseOf = ({ database, tasks, intervalMs }: Pick<Line, 'database' | 'tasks' | 'intervalMs'>): string =>
  `${database} ${tasks} ${intervalMs}`;

/** Each case takes the place of what was known of it: so they need not all be measured at once. */
function keep(line: Line): void {
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Line[]) : [];
  const lines = [...known.filter((other) => caseOf(other) !== caseOf(line)), line];
  lines.sort((a, b) => a.database.localeCompare(b.database) || b.intervalMs - a.intervalMs || a.tasks - b.tasks);
  mkdirSync(options.results, { recursive: true });
  writeFileSync(file, `${JSON.stringify(lines, null, 2)}\n`);
}

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
const postgres = options.database === 'postgresql' ? await startPostgres() : null;
const lines: Line[] = [];
try {
  for (const [tasks = 0, interval = 0] of options.cases.split(',').map((text) => text.split('@').map(Number))) {
    const databaseUrl = postgres
      ? await createPostgresDatabase(postgres.url)
      : `file:${join(directory, `${tasks}-${interval}.db`)}`;
    const tracking = {
      tasks,
      intervalMs: interval * 1_000,
      concurrency: Number(options.concurrency),
      answerMs: Number(options.answer),
      warmUpSeconds: 8,
      seconds: Number(options.seconds),
      probeSeconds: 10,
    };
    const profiles = options.profiles === undefined ? null : resolve(options.profiles);
    const tracked = await track(tracking, { directory, databaseUrl, profiles });
    const line = {
      database: options.database,
      date: new Date().toISOString(),
      ...tracked,
      machine: describeMachine([]),
    };
    lines.push(line);
    if (profiles === null) keep(line);
    console.log(`${tableOf([line])}\n${JSON.stringify(tracked)}`);
  }
  console.log(`\n${tableOf(lines)}\n\n${file}`);
} finally {
  await postgres?.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
