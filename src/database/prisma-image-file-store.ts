import type { ImageFile, ImageFileStore } from '../media/image-file.ts';
import { whenAvailable } from './classify-error.ts';
import type { DatabaseClient } from './database.ts';
import type { ImageFile as Row } from './generated/sqlite/client.ts';
import { leased, unleasedAt } from './leases.ts';

/** Stores the rows of reference images that are kept. Every write is a single statement, as in prisma-task-store.ts. */
export function createImageFileStore(client: DatabaseClient): ImageFileStore {
  const { imageFile: rows } = client;
  return whenAvailable<ImageFileStore>({
    async create(file) {
      return fromRow(await rows.create({ data: file }));
    },

    async update({ id, version }, change) {
      const data = { ...change, version: { increment: 1 } };
      const [row] = await rows.updateManyAndReturn({ where: { id, version }, data });
      return row ? fromRow(row) : null;
    },

    async remove({ id, version }) {
      await rows.deleteMany({ where: { id, version } });
    },

    async find(id) {
      const row = await rows.findUnique({ where: { id } });
      return row && fromRow(row);
    },

    async findMany(ids) {
      const found = await rows.findMany({ where: { id: { in: [...ids] } } });
      return found.map(fromRow);
    },

    async findReady(owner, contentType, sha256) {
      const where = { client: owner, sha256, contentType, state: 'READY' };
      const row = await rows.findFirst({ where, orderBy: { deleteAt: 'desc' } });
      return row && fromRow(row);
    },

    async claimDue(now, leasedUntil, limit) {
      const due = { dueAt: { lte: now }, ...unleasedAt(now) };
      const found = await rows.findMany({ where: due, orderBy: { dueAt: 'asc' }, take: limit, select: { id: true } });
      if (found.length === 0) return [];
      const claimed = await rows.updateManyAndReturn({
        where: { id: { in: found.map(({ id }) => id) }, ...due },
        data: leased(leasedUntil),
      });
      return claimed.map(fromRow);
    },

    async waitingOf(owner) {
      const where = { client: owner, state: 'WAITING' };
      const { _count: count, _sum } = await rows.aggregate({ where, _count: true, _sum: { sizeBytes: true } });
      return { count, bytes: Number(_sum.sizeBytes ?? 0) };
    },

    async listNamed(afterId, limit) {
      const where = { id: { gt: afterId }, name: { not: null } };
      const found = await rows.findMany({ where, orderBy: { id: 'asc' }, take: limit });
      return found.map(fromRow);
    },
  });
}

/** Rows are written only from an ImageFile, so their strings are values of its types. */
const fromRow = (row: Row): ImageFile => row as unknown as ImageFile;
