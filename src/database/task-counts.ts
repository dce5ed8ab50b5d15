import { join, sqltag as sql } from '@prisma/client/runtime/client';
import { type TaskStatus, taskStatuses } from '../tasks/task.ts';
import type { TaskCount, TaskFilter } from '../tasks/task-filter.ts';
import type { DatabaseClient } from './database.ts';
import { headsOf, maxRuns } from './task-list.ts';

/**
 * Counts tasks by status in the indexes of the lists. Each count stops at `limit`, so the cost does not grow with the
 * number of tasks.
 */
export function countTasks(client: DatabaseClient, filter: TaskFilter, limit: number): Promise<TaskCount[]> {
  const statuses = new Set(filter.statuses ?? (Object.keys(taskStatuses) as TaskStatus[]));
  return Promise.all(
    [...statuses].map(async (status) => ({
      status,
      count: await countUpTo(client, { ...filter, statuses: [status] }, limit),
    })),
  );
}

async function countUpTo(client: DatabaseClient, filter: TaskFilter, limit: number): Promise<number> {
  const heads = headsOf(filter, { limit, inverted: false });
  let count = 0;
  for (let start = 0; start < heads.length && count < limit; start += maxRuns) {
    const rows = join(
      heads.slice(start, start + maxRuns).map((head) => head()),
      ' UNION ALL ',
    );
    const [found] = await client.$queryRaw<{ count: number | bigint }[]>(
      sql`SELECT COUNT(*) AS "count" FROM (SELECT 1 FROM (${rows}) AS "found" LIMIT ${limit - count}) AS "counted"`,
    );
    count += Number(found?.count ?? 0);
  }
  return count;
}
