import { join, sqltag as sql } from '@prisma/client/runtime/client';
import type { VideoTask } from '../tasks/task.ts';
import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';
import { leased, unleasedAt } from './leases.ts';

/** The tracker's statements. Each handles many tasks at once. */

/** The condition for tasks that may be claimed at `now`. */
const dueAt = (now: Date) => ({
  nextCheckAt: { lte: now },
  ...unleasedAt(now),
});

/** When the longest due task without a lease became due; null where none is due. */
export async function oldestDue({ task: tasks }: DatabaseClient, now: Date): Promise<Date | null> {
  const select = { nextCheckAt: true };
  const oldest = await tasks.findFirst({ where: dueAt(now), orderBy: { nextCheckAt: 'asc' }, select });
  return oldest?.nextCheckAt ?? null;
}

export async function claimDue(
  { task: tasks }: DatabaseClient,
  now: Date,
  leasedUntil: Date,
  limit: number,
): Promise<Task[]> {
  const due = dueAt(now);
  const candidates = await tasks.findMany({
    where: due,
    orderBy: { nextCheckAt: 'asc' },
    take: limit,
    select: { id: true },
  });
  if (candidates.length === 0) return [];
  // The database checks the condition again under its lock, so of two claimants only one gets a task.
  return tasks.updateManyAndReturn({
    where: { id: { in: candidates.map(({ id }) => id) }, ...due },
    data: leased(leasedUntil),
  });
}

/**
 * Writes the checks of several tasks in one statement. It is SQL, because Prisma has no update with different values
 * for each row.
 */
export async function saveChecks(client: DatabaseClient, tasks: readonly VideoTask[]): Promise<void> {
  if (tasks.length === 0) return;
  const checked = tasks.map(
    ({ id, version, lastCheckedAt, nextCheckAt, leasedUntil, checkCount, repeatedAnswer, repeatedAnswerCount }) =>
      sql`(${id}, ${version}, ${lastCheckedAt}, ${nextCheckAt}, ${leasedUntil}, ${checkCount}, ${repeatedAnswer}, ${repeatedAnswerCount})`,
  );
  // The first row of VALUES is not a task. It fixes the column types, which PostgreSQL would otherwise all infer as
  // text.
  const time = sql`(SELECT "nextCheckAt" FROM "Task" LIMIT 0)`;
  await client.$executeRaw`
    UPDATE "Task" SET
      "version" = "Task"."version" + 1,
      "lastCheckedAt" = "checked"."column3",
      "nextCheckAt" = "checked"."column4",
      "leasedUntil" = "checked"."column5",
      "checkCount" = "checked"."column6",
      "repeatedAnswer" = "checked"."column7",
      "repeatedAnswerCount" = "checked"."column8"
    FROM (VALUES ('', 0, ${time}, ${time}, ${time}, 0, '', 0), ${join(checked)}) AS "checked"
    WHERE "Task"."id" = "checked"."column1" AND "Task"."version" = "checked"."column2"
  `;
}
