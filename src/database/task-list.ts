import { join, raw, type Sql, sqltag as sql } from '@prisma/client/runtime/client';
import { modelNames } from '../catalogue/models.ts';
import { taskStatuses } from '../tasks/task.ts';
import type { TaskFilter, TaskPage } from '../tasks/task-filter.ts';
import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';

/**
 * The values of all index columns before the id. Tasks with equal values are next to each other in the index, ordered
 * by id.
 */
type Run = readonly string[];

/** How many runs one statement reads. SQLite allows 500, but its time grows with the square of their number. */
export const maxRuns = 50;

/** All columns of a task except its images. */
function taskColumns({ task: { fields } }: DatabaseClient): Sql {
  const columns = Object.keys(fields).filter((column) => column !== 'referenceImages');
  return join(columns.map((column) => raw(`"${column}"`)));
}

/** The tasks of one page. */
export const listTasks = (client: DatabaseClient, filter: TaskFilter, page: TaskPage): Promise<Task[]> =>
  listPage(client, filter, page, taskColumns(client));

/** The ids and versions of the tasks of one page, and the index columns by which they are found. */
export const listVersions = (client: DatabaseClient, filter: TaskFilter, page: TaskPage) =>
  listPage<Pick<Task, 'id' | 'version'>>(client, filter, page, raw('"client", "status", "model", "id", "version"'));

/**
 * Some columns of the tasks of one page, at a cost that does not grow with the number of tasks. Neither database merges
 * several runs of an index: it would read all tasks, or sort them. So the first tasks of each run are read, and the
 * first of those are the page.
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

/** Statements for the first tasks of each matching run. A filter with ids is one run. */
export function headsOf(filter: TaskFilter, page: TaskPage): Head[] {
  if (filter.ids) return filter.ids.length > 0 ? [withIds(filter.ids, filter, page)] : [];
  const { columns, runs } = runsOf(filter);
  return runs.map(headsIn(columns, boundsOf(filter, page), page));
}

/** The runs that match the filter, and the columns of the index that has them. */
function runsOf({ clients, statuses, models }: TaskFilter): { columns: string[]; runs: readonly Run[] } {
  const conditions: [string, readonly string[]][] = [];
  if (clients) conditions.push(['client', clients]);
  // One index serves filters by status, by model and by both. Both columns have few values, so a missing one is
  // replaced by all of its values.
  if (statuses || models) {
    conditions.push(['status', statuses ?? Object.keys(taskStatuses)], ['model', models ?? modelNames]);
  }
  const runs = conditions.reduce<readonly Run[]>(
    (before, [, values]) => before.flatMap((run) => [...new Set(values)].map((value) => [...run, value])),
    [[]],
  );
  return { columns: [...conditions.map(([column]) => column), 'id'], runs };
}

/** The ids are between these two, both exclusive. */
interface Bounds {
  readonly newerThan: string;
  readonly olderThan: string;
}

/** Times become conditions on the id, because an id begins with its time. */
function boundsOf({ createdAfter, createdBefore }: TaskFilter, page: TaskPage): Bounds {
  return {
    newerThan: later(createdAfter && timeOf(createdAfter), page.newerThan),
    olderThan: earlier(createdBefore && timeOf(createdBefore), page.olderThan),
  };
}

// Ids are hexadecimal, so '' sorts before all of them and 'g' after.
const later = (one = '', other = ''): string => (one > other ? one : other);
const earlier = (one = 'g', other = 'g'): string => (one < other ? one : other);

/**
 * The beginning of all ids created at `date` or later, which sorts after all older ids: a UUID v7 starts with its time.
 */
function timeOf(date: Date): string {
  const hex = Math.max(date.getTime(), 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** A statement for the tasks with these ids that match the rest of the filter. Each is looked up by itself. */
function withIds(ids: readonly string[], filter: TaskFilter, page: TaskPage): Head {
  const { newerThan, olderThan } = boundsOf(filter, page);
  const oneOf = (column: string, values: readonly string[] | undefined) =>
    values && (values.length > 0 ? sql`${raw(`"${column}"`)} IN (${join(values)})` : raw('1 = 0'));
  const conditions = [
    oneOf('id', [...new Set(ids)]),
    oneOf('client', filter.clients),
    oneOf('status', filter.statuses),
    oneOf('model', filter.models),
    sql`"id" > ${newerThan} AND "id" < ${olderThan}`,
  ].filter((condition) => condition !== undefined);
  const order = raw(`ORDER BY "id" ${page.inverted ? 'ASC' : 'DESC'}`);
  return (selected = raw('"id"')) =>
    sql`SELECT ${selected} FROM "Task" WHERE ${join(conditions, ' AND ')} ${order} LIMIT ${page.limit}`;
}

/** A statement for the first tasks of a run. Selects the given columns, or those of the index. */
export type Head = (selected?: Sql) => Sql;

/**
 * Reads `limit` rows of the index from one end of the run, then drops those that are past its other end.
 *
 * All columns are compared and sorted as one value, so PostgreSQL can use no other index. For `client = …` ordered by
 * id it would sometimes read all tasks by the primary key, because it assumes that a client's tasks are spread evenly.
 * It estimates a comparison of several columns by the first one alone. So the start of the run has to be included, and
 * its end may be compared only in the outer query: otherwise PostgreSQL expects no rows and plans badly.
 */
function headsIn(columns: readonly string[], { newerThan, olderThan }: Bounds, { inverted, limit }: TaskPage) {
  const quoted = columns.map((column) => raw(`"${column}"`));
  const key = join(quoted);
  const [start, onwards, direction] = inverted
    ? [newerThan, raw('>='), raw('ASC')]
    : [olderThan, raw('<='), raw('DESC')];
  const order = join(quoted.map((column) => sql`${column} ${direction}`));
  return (run: Run): Head =>
    (selected = key) =>
      sql`
      SELECT * FROM (
        SELECT ${selected} FROM "Task" WHERE (${key}) ${onwards} (${join([...run, start])}) AND "id" <> ${start}
        ORDER BY ${order} LIMIT ${limit}
      ) AS "run" WHERE (${key}) > (${join([...run, newerThan])}) AND (${key}) < (${join([...run, olderThan])})`;
}

/** A statement for the first tasks of several runs together. */
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
