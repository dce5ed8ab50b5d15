import { onTestFinished } from 'vitest';
import { withCache } from '../../src/database/cache/task-cache.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import type { VideoTask } from '../../src/tasks/task.ts';
import type { NewTask, TaskStore } from '../../src/tasks/task-store.ts';
import { silentLog } from './log.ts';

/** When the tasks of these tests are created. */
export const start = new Date('2026-11-22T12:00:00.123Z');
/** So many milliseconds after the start. */
export const at = (ms: number): Date => new Date(start.getTime() + ms);

/** A task that is due. */
export const newTask = (change: Partial<NewTask> = {}): NewTask => ({
  client: 'local',
  model: 'GROK_VIDEO3',
  prompt: 'A paper boat',
  durationSeconds: 10,
  aspectRatio: '16:9',
  resolution: '720p',
  mode: 'TEXT_TO_VIDEO',
  referenceImages: [],
  billingUnit: 'SECOND',
  billingUnits: 10,
  status: 'QUEUED',
  turn: null,
  waitsFor: null,
  sendAttempt: 1,
  account: 'default',
  whenBusy: 'FAIL',
  startBefore: null,
  maxOpen: null,
  createdAt: start,
  leasedUntil: null,
  nextCheckAt: start,
  idempotencyKey: null,
  orderHash: null,
  resubmissionOfId: null,
  ...change,
});

/** A store of its own connection, as another instance of the service has one. */
export async function openStore(url: string): Promise<TaskStore> {
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  return withCache(createTaskStore(database.client), database);
}

/** Writes a task whose idempotency key, if it has one, is free. */
export async function create(store: TaskStore, change: Partial<NewTask> = {}): Promise<VideoTask> {
  const task = await store.create(newTask(change));
  if (!task) throw new Error('the idempotency key is taken');
  return task;
}

export const promptsOf = (tasks: readonly VideoTask[]): string[] => tasks.map(({ prompt }) => prompt);
