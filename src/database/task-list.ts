import { join, raw, type Sql, sqltag as sql } from '@prisma/client/runtime/client';
import { modelNames } from '../catalogue/models.ts';
import { taskStatuses } from '../tasks/task.ts';
import type { TaskFilter, TaskPage } from '../tasks/task-filter.ts';
import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';

/** Tasks that stand together in an index, in the order of their ids: they agree in all the columns before the id. */
type Run = readonly string[];

/** How many runs one statement looks into: SQLite takes 500, but its time grows with their square. */
export const maxRuns = 50;

/** All of a task but its images, as every read of tasks has it. */
function taskColumns({ task: { fields } }: DatabaseClient): Sql {
  const columns = Object.keys(fields).filter((column) => column !== 'referenceImages');
  return join(columns.map((column) => raw(`"${column}"`)));
}

/** The tasks of one page. */
export const listTasks = (client: DatabaseClient, filter: TaskFilter, page: TaskPage): Promise<Task[]> =>
  listPage(client, filter, page, taskColumns(client));

/** No more of them than says whether one knows them already; and the columns of the indexes, by which they are found. */
export const listVersions = (client: DatabaseClient, filter: TaskFilter, page: TaskPage) =>
  listPage<Pick<Task, 'id' | 'version'>>(client, filter, page, raw('"client", "status", "model", "id", "version"'));

/**
 * Some columns of the tasks of one page, at a cost that does not grow with their number. Neither database merges runs of an index by
 * itself: where a list has several, it would walk through all tasks, or sort them. So each run is asked for its first
 * tasks, and of those the first are the page.
 */
async function listPage<Part extends Pick<Task, 'id'>>(
  client: DatabaseClient,
  filter: TaskFilter,
  page: TaskPage,
  selected: Sql,
): Promise<Part[]> {
  const heads = headsOf(filter, page);
  const statements = Array.from({ length: Math.ceil(heads.length / maxRuns) }, (_, index) =>
    merged(heads.slice(index * maxRuns, (index + 1) * maxRuns), page, selected),
  );
  const lists = await Promise.all(statements.map((statement) => client.$queryRaw<Part[]>(statement)));
  const first = page.inverted ? -1 : 1;
  return lists
    .flat()
    .sort((one, other) => (one.id < other.id ? first : -first))
    .slice(0, page.limit);
}

/** The first tasks of each run that the filter lets through; those with the filter's ids, where it has any, are one run. */
export function headsOf(filter: TaskFilter, page: TaskPage): Head[] {
  if (filter.ids) return filter.ids.length > 0 ? [withIds(filter.ids, filter, page)] : [];
  const { columns, runs } = runsOf(filter);
  return runs.map(headsIn(columns, boundsOf(filter, page), page));
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

/** Between which two the ids are, without them. */
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

/** Of the tasks with these ids, those that meet the rest of the filter: each is looked up by itself. */
function withIds(ids: readonly string[], filter: TaskFilter, page: TaskPage): Head {
  const { from, to } = boundsOf(filter, page);
  const oneOf = (column: string, values: readonly string[] | undefined) =>
    values && (values.length > 0 ? sql`${raw(`"${column}"`)} IN (${join(values)})` : raw('1 = 0'));
  const conditions = [
    oneOf('id', [...new Set(ids)]),
    oneOf('client', filter.clients),
    oneOf('status', filter.statuses),
    oneOf('model', filter.models),
    sql`"id" > ${from} AND "id" < ${to}`,
  ].filter((condition) => condition !== undefined);
  const order = raw(`ORDER BY "id" ${page.inverted ? 'ASC' : 'DESC'}`);
  return (selected = raw('"id"')) =>
    sql`SELECT ${selected} FROM "Task" WHERE ${join(conditions, ' AND ')} ${order} LIMIT ${page.limit}`;
}

/** The first tasks of a run: with these columns, or with those of the index. */
export type Head = (selected?: Sql) => Sql;

/**
 * Goes so many steps on from one end of the run, and keeps what belongs to it.
 *
 * PostgreSQL has no other index left for this, because all columns are compared as one and sorted by. For `client = …` in
 * the order of the ids it would at times walk through everybody's tasks by the primary key: it believes that a client's
 * are everywhere. What such a comparison leaves it estimates by the first column alone, so that the run's beginning has
 * to be included, and its end must not be named before the steps have been gone: it would believe that nothing is left.
 */
function headsIn(columns: readonly string[], { from, to }: Bounds, { inverted, limit }: TaskPage) {
  const quoted = columns.map((column) => raw(`"${column}"`));
  const key = join(quoted);
  const [start, onwards, direction] = inverted ? [from, raw('>='), raw('ASC')] : [to, raw('<='), raw('DESC')];
  const order = join(quoted.map((column) => sql`${column} ${direction}`));
  return (run: Run): Head =>
    (selected = key) =>
      sql`
      SELECT * FROM (
        SELECT ${selected} FROM "Task" WHERE (${key}) ${onwards} (${join([...run, start])}) AND "id" <> ${start}
        ORDER BY ${order} LIMIT ${limit}
      ) AS "run" WHERE (${key}) > (${join([...run, from])}) AND (${key}) < (${join([...run, to])})`;
}

/** The first tasks of several runs together. */
function merged(heads: readonly Head[], { inverted, limit }: TaskPage, selected: Sql): Sql {
  const [only, ...others] = heads;
  if (only && others.length === 0) return only(selected);
  const ids = join(
    heads.map((head) => head()),
    ' UNION ALL ',
  );
  const order = raw(`ORDER BY "id" ${inverted ? 'ASC' : 'DESC'}`);
  return sql`SELECT ${selected} FROM "Task" WHERE "id" IN (SELECT "id" FROM (${ids}) AS "page" ${order} LIMIT ${limit}) ${order}`;
}
