import { join, sqltag as sql } from '@prisma/client/runtime/client';
import { v7 as uuidv7 } from 'uuid';
import { modelNames } from '../catalogue/models.ts';
import { trackingLimitMs, unansweredLimitMs, videoLifetimeMs } from '../tasks/check-schedule.ts';
import { isUniqueViolation } from './classify-error.ts';
import type { DatabaseClient } from './database.ts';

/** How a completed task becomes a row of VideoFile: its column `storeDueAt` is the outbox. */

/**
 * Makes a row for each task that was handed over, and takes the mark from the task. After a crash in between the second
 * pass finds the row, and only takes the mark.
 */
export async function enterDue({ task: tasks, videoFile: rows }: DatabaseClient, now: Date, limit: number) {
  const due = await tasks.findMany({
    where: { storeDueAt: { lte: now } },
    orderBy: { storeDueAt: 'asc' },
    take: limit,
    select: { id: true, client: true, storeDueAt: true },
  });
  for (const { id: taskId, client, storeDueAt } of due) {
    await rows.create({ data: { taskId, client, createdAt: now, dueAt: now } }).catch((error: unknown) => {
      if (!isUniqueViolation(error)) throw error;
    });
    // The version stays, because no reader sees this column.
    await tasks.updateMany({ where: { id: taskId, storeDueAt }, data: { storeDueAt: null } });
  }
}

/** Tasks that were ordered earlier than this cannot have a link that still lives. */
const maxAgeMs = Math.max(trackingLimitMs, unansweredLimitMs) + videoLifetimeMs;

/** Hands over the completed tasks whose link still lives and that never were. */
export async function adopt(client: DatabaseClient, now: Date): Promise<void> {
  // The models stand there for the index, which begins with status and model.
  const models = join(modelNames.map((model) => sql`${model}`));
  const oldest = uuidv7({ msecs: Math.max(0, now.getTime() - maxAgeMs), random: new Uint8Array(16) });
  await client.$executeRaw`
    UPDATE "Task" SET "storeDueAt" = ${now}
    WHERE "status" = 'COMPLETED' AND "model" IN (${models}) AND "id" > ${oldest}
      AND "storeDueAt" IS NULL AND "storage" IS NULL AND "videoExpiresAt" > ${now}
      AND NOT EXISTS (SELECT 1 FROM "VideoFile" WHERE "VideoFile"."taskId" = "Task"."id")
  `;
}
