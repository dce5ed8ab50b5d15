import { pino } from 'pino';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { createImageFileStore } from '../../src/database/prisma-image-file-store.ts';
import { createVideoFileStore } from '../../src/database/prisma-video-file-store.ts';
import { openFileStore } from '../../src/files/open-file-store.ts';
import { sweepOrphans } from '../../src/media/orphans.ts';
import type { HistoryEntry } from '../../src/tasks/task.ts';
import type { Place } from './place.ts';

export interface TaskRecord {
  readonly id: string;
  readonly prompt: string;
  readonly status: string;
  readonly storage: string | null;
  readonly history: readonly HistoryEntry[];
}

export type FileRecord = Awaited<ReturnType<Records['files']>>[number];

/** What stands in the database, read and changed beside the service. */
export class Records {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open({ databaseUrl }: Place): Promise<Records> {
    return new Records(await openDatabase(databaseUrl, pino({ level: 'silent' })));
  }

  async tasks(): Promise<TaskRecord[]> {
    const select = { id: true, prompt: true, status: true, storage: true, history: true };
    const rows = await this.#database.client.task.findMany({ select });
    return rows.map((row) => ({ ...row, history: row.history as unknown as HistoryEntry[] }));
  }

  files() {
    return this.#database.client.videoFile.findMany();
  }

  /** Sweeps the store as the service does every hour, when what the kills left is old enough. Returns how much went. */
  async sweep({ storage }: Place): Promise<number> {
    const { client } = this.#database;
    const rows = { videos: createVideoFileStore(client), images: createImageFileStore(client) };
    const twoHoursLater = new Date(Date.now() + 2 * 60 * 60_000);
    return sweepOrphans(await openFileStore(storage, null), rows, twoHoursLater);
  }

  /** Whether nothing is left to do before a time that is still to come. */
  async areResting(): Promise<boolean> {
    const { task, videoFile } = this.#database.client;
    const due = { dueAt: { lte: new Date() } };
    const counts = await Promise.all([
      task.count({ where: { OR: [{ status: { not: 'COMPLETED' } }, { storeDueAt: { not: null } }] } }),
      videoFile.count({ where: { OR: [due, { leasedUntil: { not: null } }] } }),
    ]);
    return counts.every((count) => count === 0);
  }

  /**
   * Ends all leases and pauses, as if no process had run for hours. Only for when none runs, because leases protect the
   * work of those that do.
   */
  async letTimePass(): Promise<void> {
    const { task, videoFile } = this.#database.client;
    const now = new Date();
    await task.updateMany({ where: { leasedUntil: { not: null } }, data: { leasedUntil: null } });
    await task.updateMany({ where: { nextCheckAt: { gt: now } }, data: { nextCheckAt: now } });
    await videoFile.updateMany({ where: { leasedUntil: { not: null } }, data: { leasedUntil: null } });
    await videoFile.updateMany({ where: { dueAt: { gt: now } }, data: { dueAt: now } });
  }

  /** The same, as if the links of all videos had ended meanwhile. */
  async letLinksEnd(): Promise<void> {
    await this.letTimePass();
    await this.#database.client.task.updateMany({ data: { videoExpiresAt: new Date() } });
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
