import { v7 as uuidv7 } from 'uuid';
import type { ReferenceImage } from '../catalogue/reference-image.ts';
import { TaskStateError } from '../errors.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { isUniqueViolation, whenAvailable } from './classify-error.ts';
import type { DatabaseClient } from './database.ts';
import { claimDue, oldestDue, saveChecks } from './due-tasks.ts';
import type { Task } from './generated/sqlite/client.ts';
import { countTasks } from './task-counts.ts';
import { listTasks, listVersions } from './task-list.ts';
import { countWaitingBefore, lastTurnOf, listTooLate, listWaiting } from './waiting-tasks.ts';

/**
 * Stores tasks with the Prisma client. Every write is a single statement, because on SQLite all statements share one
 * connection: a transaction would include, and could roll back, the writes of others.
 *
 * Its methods throw DatabaseUnavailableError when the database does not carry out a statement.
 */
export function createTaskStore(client: DatabaseClient): TaskStore {
  const { task: tasks } = client;
  return whenAvailable<TaskStore>({
    async create(task) {
      const id = uuidv7({ msecs: task.createdAt.getTime() });
      const data = { ...task, id, history: [], referenceImages: [...task.referenceImages] };
      try {
        return fromRow(await tasks.create({ data }));
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },

    async find(id) {
      const row = await tasks.findUnique({ where: { id } });
      return row && fromRow(row);
    },

    async findMany(ids) {
      const rows = await tasks.findMany({ where: { id: { in: [...ids] } } });
      return rows.map(fromRow);
    },

    async findReferenceImages(id) {
      const row = await tasks.findUnique({ where: { id }, select: { referenceImages: true } });
      return (row?.referenceImages ?? []) as unknown as ReferenceImage[];
    },

    async findByIdempotencyKeys(client, keys) {
      const rows = await tasks.findMany({ where: { client, idempotencyKey: { in: [...keys] } } });
      return rows.map(fromRow);
    },

    async findByUpstreamId(upstreamId) {
      const row = await tasks.findFirst({ where: { upstreamId } });
      return row && fromRow(row);
    },

    async listResubmissions(resubmissionOfId, client, limit) {
      const where = { resubmissionOfId, ...(client !== undefined && { client }) };
      const rows = await tasks.findMany({ where, orderBy: { id: 'desc' }, take: limit });
      return rows.map(fromRow);
    },

    async list(filter, page) {
      const rows = await listTasks(client, filter, page);
      return rows.map(fromRow);
    },
    listVersions: (filter, page) => listVersions(client, filter, page),

    count: (filter, limit) => countTasks(client, filter, limit),

    async update({ id, version }, { history, ...change }) {
      const data = { ...change, ...(history && { history: [...history] }), version: { increment: 1 } };
      try {
        const [row] = await tasks.updateManyAndReturn({ where: { id, version }, data });
        return row ? fromRow(row) : null;
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        if (change.confirmedUpstreamId === undefined) return null;
        throw new TaskStateError(`The upstream's task ${change.confirmedUpstreamId} already belongs to another task.`);
      }
    },

    claimDue: async (...due) => (await claimDue(client, ...due)).map(fromRow),
    oldestDue: (now) => oldestDue(client, now),
    saveChecks: (checked) => saveChecks(client, checked),
    listWaiting: async (...part) => (await listWaiting(client, ...part)).map(fromRow),
    listTooLate: async (...part) => (await listTooLate(client, ...part)).map(fromRow),
    lastTurnOf: (name) => lastTurnOf(client, name),
    countWaitingBefore: (turn, limit) => countWaitingBefore(client, turn, limit),
  });
}

/** Rows are written only from a VideoTask, so their strings are values of its types. */
function fromRow(row: Task): VideoTask {
  return row as unknown as VideoTask;
}
