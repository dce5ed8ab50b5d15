import { join, raw, type Sql, sqltag as sql } from '@prisma/client/runtime/client';
import { type ModelName, modelNames } from '../videos/models.ts';
import { type TaskStatus, taskStatuses } from '../videos/task.ts';
import type { DatabaseClient } from './client.ts';
import type { Task } from './generated/sqlite/client.ts';

/** Which tasks a list is about; every given condition must hold. */
export interface TaskFilter {
  readonly clients?: readonly string[] | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly models?: readonly ModelName[] | undefined;
  /** Inclusive. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
}

/** Which part of a list is wanted: the tasks between two ids, from the newest on or, inverted, from the oldest on. */
export interface TaskPage {
  readonly newerThan?: string | undefined;
  readonly olderThan?: string | undefined;
  readonly limit: number;
  readonly inverted: boolean;
}

/** Tasks that stand together in an index, in the order of their ids: they agree in all the columns before the id. */
type Run = readonly string[];

/** How many runs one statement looks into: SQLite takes 500, but its time grows with their square. */
const maxRuns = 50;

/**
 * The tasks of one page. Neither database merges runs of an index by itself: where a list has several, it would walk
 * through all tasks, or sort them. So each run is asked for its first ones, and those are merged.
 */
export async function listTasks(client: DatabaseClient, filter: TaskFilter, page: TaskPage): Promise<Task[]> {
  const { columns, runs } = runsOf(filter);
  const someRuns = Array.from({ length: Math.ceil(runs.length / maxRuns) }, (_, index) =>
    runs.slice(index * maxRuns, (index + 1) * maxRuns),
  );
  const head = headOf(columns, boundsOf(filter, page), page);
  const lists = await Promise.all(someRuns.map((some) => client.$queryRaw<Task[]>(merged(some, head, page))));
  const first = page.inverted ? -1 : 1;
  return lists
    .flat()
    .sort((one, other) => (one.id < other.id ? first : -first))
    .slice(0, page.limit);
}

/** The runs that the filter lets through, and the columns of the index that has them. */
function runsOf({ clients, statuses, models }: TaskFilter): { columns: string[]; runs: readonly Run[] } {
  const conditions: [string, readonly string[]][] = [];
  if (clients) conditions.push(['client', clients]);
  // One index serves all three of these filters: both have few values, so whichever is free is gone through.
  if (statuses || models) {
    conditions.push(['status', statuses ?? Object.keys(taskStatuses)], ['model', models ?? modelNames]);
  }
  const runs = conditions.reduce<readonly Run[]>(
    (before, [, values]) => before.flatMap((run) => [...new Set(values)].map((value) => [...run, value])),
    [[]],
  );
  return { columns: [...conditions.map(([column]) => column), 'id'], runs };
}

/** Between what the ids lie; whatever id is equal to one of them is out. */
interface Bounds {
  readonly from: string;
  readonly to: string;
}

/** Times are conditions on the id, which begins with one. */
function boundsOf({ createdAfter, createdBefore }: TaskFilter, { newerThan, olderThan }: TaskPage): Bounds {
  return {
    from: later(createdAfter && timeOf(createdAfter), newerThan),
    to: earlier(createdBefore && timeOf(createdBefore), olderThan),
  };
}

// An id is hexadecimal: '' comes before any and 'g' after.
const later = (one = '', other = ''): string => (one > other ? one : other);
const earlier = (one = 'g', other = 'g'): string => (one < other ? one : other);

/** How the ids of the tasks created at `date` begin, and none that are older: a UUID v7 starts with its time. */
function timeOf(date: Date): string {
  const hex = Math.max(date.getTime(), 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

const quoted = (column: string): string => `"${column}"`;
const direction = ({ inverted }: TaskPage): Sql => raw(inverted ? 'ASC' : 'DESC');

/**
 * How to ask for the first tasks of a run. As one comparison of all columns, and in the order of all, because that leaves
 * PostgreSQL no other index: for `client = …` and the order of the id it may walk through all clients' tasks by the
 * primary key, where it believes that the client's are everywhere. The bounds are inclusive because it estimates such a
 * comparison by its first column, in which they are the same.
 */
function headOf(columns: readonly string[], { from, to }: Bounds, page: TaskPage) {
  const key = raw(columns.map(quoted).join());
  const order = join(columns.map((column) => sql`${raw(quoted(column))} ${direction(page)}`));
  return (selected: string, run: Run): Sql => sql`
    SELECT ${raw(selected)} FROM "Task"
    WHERE (${key}) >= (${join([...run, from])}) AND (${key}) <= (${join([...run, to])}) AND "id" NOT IN (${from}, ${to})
    ORDER BY ${order} LIMIT ${page.limit}`;
}

/** The first tasks of several runs together. */
function merged(runs: readonly Run[], head: ReturnType<typeof headOf>, page: TaskPage): Sql {
  const [first = [], ...others] = runs;
  if (others.length === 0) return head('*', first);
  const heads = runs.map((run) => sql`SELECT * FROM (${head('"id"', run)}) AS "run"`);
  return sql`
    SELECT * FROM "Task" WHERE "id" IN (
      SELECT "id" FROM (${join(heads, ' UNION ALL ')}) AS "page" ORDER BY "id" ${direction(page)} LIMIT ${page.limit}
    ) ORDER BY "id" ${direction(page)}`;
}
