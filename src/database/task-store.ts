import { v7 as uuidv7 } from 'uuid';
import { TaskStateError } from '../videos/errors.ts';
import type { ReferenceImage } from '../videos/reference-image.ts';
import type { TaskChange, TaskProgress, VideoTask } from '../videos/task.ts';
import type { TaskCount, TaskFilter, TaskPage } from '../videos/task-filter.ts';
import type { DatabaseClient } from './client.ts';
import { claimDue, oldestDue, saveChecks } from './due-tasks.ts';
import { isUniqueViolation, whenAvailable } from './faults.ts';
import type { Task } from './generated/sqlite/client.ts';
import { countTasks } from './task-counts.ts';
import { listTasks, listVersions } from './task-list.ts';

/** A task as it is first written: the order with its images, and until when its submit has time. */
export type NewTask = Omit<VideoTask, 'id' | 'version' | keyof TaskProgress> &
  Pick<TaskProgress, 'status' | 'leasedUntil' | 'nextCheckAt' | 'idempotencyKey'> & {
    readonly referenceImages: readonly ReferenceImage[];
  };

export interface TaskStore {
  /** Writes a new task; when this returns, the row is durable. Null where the client's key stands for another task. */
  create(task: NewTask): Promise<VideoTask | null>;
  find(id: string): Promise<VideoTask | null>;
  /** Those that are there, in no order. */
  findMany(ids: readonly string[]): Promise<VideoTask[]>;
  /** The images of a task, in the order's order; none where there is no such task. Asked at once for many, they are read at once. */
  findReferenceImages(id: string): Promise<readonly ReferenceImage[]>;
  /** The client's tasks that have one of these keys, in no order. */
  findByIdempotencyKeys(client: string, keys: readonly string[]): Promise<VideoTask[]>;
  findByUpstreamId(upstreamId: string): Promise<VideoTask | null>;
  /** The newest tasks that repeat the order of a task; a client's, where one is given. */
  listResubmissions(id: string, client: string | undefined, limit: number): Promise<VideoTask[]>;
  list(filter: TaskFilter, page: TaskPage): Promise<VideoTask[]>;
  /** The same page, of which no more is read than says whether one knows the tasks already. */
  listVersions(filter: TaskFilter, page: TaskPage): Promise<Pick<VideoTask, 'id' | 'version'>[]>;
  /** How many tasks of the filter are in each of its states, counted up to `limit` in each. */
  count(filter: TaskFilter, limit: number): Promise<TaskCount[]>;
  /**
   * Changes the task if it is still as it was read; null where another write has come since, or the change gives it a
   * key that another task of its client has.
   *
   * @throws TaskStateError when the change confirms an upstream id that was confirmed for another task.
   */
  update(task: Pick<VideoTask, 'id' | 'version'>, change: TaskChange): Promise<VideoTask | null>;
  /** Takes up to `limit` tasks that are due and nobody's, the longest due first, and holds them until `leasedUntil`. */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<VideoTask[]>;
  /** Since when the task that has been due the longest is due; null where none is. */
  oldestDue(now: Date): Promise<Date | null>;
  /** Writes of checks that brought nothing new what they change, of each task if it is still in the version it has here. */
  saveChecks(tasks: readonly VideoTask[]): Promise<void>;
}

/**
 * Keeps tasks in whichever database the client speaks to. Every write is a single statement: on SQLite all statements
 * share one connection, so that a transaction would take in, and could roll back, whatever else is written meanwhile.
 *
 * Its methods throw DatabaseUnavailableError when the database does not do what it is asked.
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
  });
}

/** Rows are only ever written from a VideoTask, so their strings are the domain's words. */
function fromRow(row: Task): VideoTask {
  return row as unknown as VideoTask;
}
