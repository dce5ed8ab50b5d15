import { join, sqltag as sql } from '@prisma/client/runtime/client';
import type { VideoTask } from '../tasks/task.ts';
import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';

/** What the tracker does with tasks, of which there may be many: all of it at once. */

/** What a tracker may take at `now`. */
const dueAt = (now: Date) => ({
  nextCheckAt: { lte: now },
  OR: [{ leasedUntil: null }, { leasedUntil: { lte: now } }],
});

/** Since when the task that has been due the longest, and is nobody's, is due; null where none is. */
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
  // The condition is asked again, by the database and under its lock: of two claimants only one still meets it.
  return tasks.updateManyAndReturn({
    where: { id: { in: candidates.map(({ id }) => id) }, ...due },
    data: { leasedUntil, version: { increment: 1 } },
  });
}

/** Prisma itself has no update that gives each row values of its own, and here these are times. */
export async function saveChecks(client: DatabaseClient, tasks: readonly VideoTask[]): Promise<void> {
  if (tasks.length === 0) return;
  const checked = tasks.map(
    ({ id, version, lastCheckedAt, nextCheckAt, leasedUntil, checkCount, repeatedAnswer, repeatedAnswerCount }) =>
      sql`(${id}, ${version}, ${lastCheckedAt}, ${nextCheckAt}, ${leasedUntil}, ${checkCount}, ${repeatedAnswer}, ${repeatedAnswerCount})`,
  );
  // The first line is no task: it says what is in the columns, which PostgreSQL would all take for text.
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
