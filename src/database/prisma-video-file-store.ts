import type { VideoFile, VideoFileStore } from '../media/video-file.ts';
import { isUniqueViolation, whenAvailable } from './classify-error.ts';
import type { DatabaseClient } from './database.ts';
import type { VideoFile as Row } from './generated/sqlite/client.ts';
import { leased, unleasedAt } from './leases.ts';
import { adopt, enterDue } from './videos-to-store.ts';

/** Stores the rows of videos that are to be stored. Every write is a single statement, as in prisma-task-store.ts. */
export function createVideoFileStore(client: DatabaseClient): VideoFileStore {
  const { databaseFact: facts, videoFile: rows, imageFile: images } = client;
  return whenAvailable<VideoFileStore>({
    enterDue: (now, limit) => enterDue(client, now, limit),
    adopt: (now) => adopt(client, now),

    async claimDue(now, leasedUntil, limit) {
      const due = { dueAt: { lte: now }, ...unleasedAt(now) };
      const candidates = await rows.findMany({
        where: due,
        orderBy: { dueAt: 'asc' },
        take: limit,
        select: { taskId: true },
      });
      if (candidates.length === 0) return [];
      const claimed = await rows.updateManyAndReturn({
        where: { taskId: { in: candidates.map(({ taskId }) => taskId) }, ...due },
        data: leased(leasedUntil),
      });
      return claimed.map(fromRow);
    },

    async update({ taskId, version }, change) {
      const data = { ...change, version: { increment: 1 } };
      const [row] = await rows.updateManyAndReturn({ where: { taskId, version }, data });
      return row ? fromRow(row) : null;
    },

    async find(taskId) {
      const row = await rows.findUnique({ where: { taskId } });
      return row && fromRow(row);
    },

    async findMany(taskIds) {
      const found = await rows.findMany({ where: { taskId: { in: [...taskIds] } } });
      return found.map(fromRow);
    },

    async storedBytes(client) {
      const sizes = { _sum: { sizeBytes: true } } as const;
      const sums = await Promise.all([
        rows.aggregate({ where: { client, state: 'STORED' }, ...sizes }),
        images.aggregate({ where: { client, state: 'READY' }, ...sizes }),
      ]);
      return sums.reduce((bytes, { _sum }) => bytes + Number(_sum.sizeBytes ?? 0), 0);
    },

    async listNamed(afterTaskId, limit) {
      const where = { taskId: { gt: afterTaskId }, name: { not: null } };
      const found = await rows.findMany({ where, orderBy: { taskId: 'asc' }, take: limit });
      return found.map(fromRow);
    },

    async hasFiles() {
      const video = await rows.findFirst({ where: { state: 'STORED' }, select: { taskId: true } });
      return (video ?? (await images.findFirst({ where: { state: 'READY' }, select: { id: true } }))) !== null;
    },

    async storeId(candidate) {
      const name = 'storage';
      const { value } =
        (await facts.findUnique({ where: { name } })) ??
        // Of several instances that start at once the first one writes it.
        (await facts.create({ data: { name, value: candidate } }).catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error;
          return facts.findUniqueOrThrow({ where: { name } });
        }));
      return value;
    },
  });
}

/** Rows are written only from a VideoFile, so their strings are values of its types. */
const fromRow = (row: Row): VideoFile => row as unknown as VideoFile;
