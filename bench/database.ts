import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { type DatabaseClient, openDatabase, providerOf } from '../src/database/database.ts';
import type { Prisma } from '../src/database/generated/sqlite/client.ts';

/** The facts about a prepared database that the load needs. */
export interface Seed {
  /** The API key that opens the service; the peers are told that it is the one token they take. */
  readonly token: string;
  /** Completed tasks, the oldest first. */
  readonly ids: readonly string[];
  /** Tasks that have not ended, to be watched. */
  readonly openIds: readonly string[];
}

type Row = Prisma.TaskCreateManyInput & { id: string };

/** The client of the tasks. */
export const client = 'bench';
const minuteMs = 60_000;

/** Makes the one file of which every contender gets a copy. */
export const createDatabase = (file: string, ...contents: Contents): Promise<Seed> =>
  fillDatabase(`file:${file}`, ...contents);

/** Completed tasks and open ones, and how the open ones are made. */
type Contents = [tasks: number, openTasks?: number, openTask?: (createdAt: Date) => Row];

/** Fills an empty database: the service's migrations, its key, and so many tasks. */
export async function fillDatabase(
  url: string,
  ...[tasks, openTasks = 100, openTask = queuedTask]: Contents
): Promise<Seed> {
  const token = createKey(url, client);
  const { client: prisma, close } = await openDatabase(url, pino({ level: 'silent' }));
  const now = Date.now();
  const completed = Array.from({ length: tasks }, (_, index) => completedTask(new Date(now - minuteMs * 60 + index)));
  const open = Array.from({ length: openTasks }, (_, index) => openTask(new Date(now - minuteMs * 120 + index)));
  await write(prisma, [...completed, ...open]);
  // What is in the write-ahead log would be missing from the copies.
  if (providerOf(url) === 'sqlite') await prisma.$queryRaw`PRAGMA wal_checkpoint(TRUNCATE)`;
  await close();
  return { token, ids: completed.map(({ id }) => id), openIds: open.map(({ id }) => id) };
}

async function write(prisma: DatabaseClient, rows: readonly Row[]) {
  for (let from = 0; from < rows.length; from += 500)
    await prisma.task.createMany({ data: rows.slice(from, from + 500) });
}

/** Writes tasks that were accepted a minute ago and are due at random times, over so long. */
export async function createOpenTasks(prisma: DatabaseClient, tasks: number, firstDue: Date, overMs: number) {
  const createdAt = Date.now() - minuteMs;
  const dueAt = () => new Date(firstDue.getTime() + Math.random() * overMs);
  await write(
    prisma,
    Array.from({ length: tasks }, (_, index) => queuedTask(new Date(createdAt + index / 10), dueAt())),
  );
}

/** Makes a key by the service's own program, which makes the tables as well. */
export function createKey(url: string, name: string, scope = 'read,submit'): string {
  const env = { DATABASE_URL: url };
  const program = [join(import.meta.dirname, '../src/keys.ts'), 'create', '--name', name, '--scope', scope];
  const printed = execFileSync(process.execPath, program, { env, encoding: 'utf8' });
  return printed.split('\n', 1)[0] ?? '';
}

/** What is the same of every task: its order. */
const orderedAt = (createdAt: Date) => ({
  id: uuidv7({ msecs: createdAt.getTime() }),
  client,
  model: 'GROK_VIDEO3',
  prompt: 'A paper boat in the rain, seen from the kerb, as the gutter carries it past a row of shop windows',
  durationSeconds: 10,
  aspectRatio: '16:9',
  resolution: '720p',
  mode: 'TEXT_TO_VIDEO',
  referenceImages: [],
  billingUnit: 'SECOND',
  billingUnits: 10,
  createdAt,
  submittedAt: new Date(createdAt.getTime() + 800),
});

const change = (from: string, to: string, at: Date, cause: string, attempt: number) => ({
  from,
  to,
  at: at.toISOString(),
  cause,
  upstreamStatus: to.toLowerCase(),
  attempt,
});

/** As the tracker leaves it: with the three changes that it went through. */
export function completedTask(createdAt: Date) {
  const at = (seconds: number) => new Date(createdAt.getTime() + seconds * 1_000);
  const order = orderedAt(createdAt);
  return {
    ...order,
    version: 6,
    status: 'COMPLETED',
    upstreamId: `video_${order.id}`,
    upstreamStatus: 'completed',
    videoUrl: `https://videos.example.com/${order.id}.mp4`,
    videoDurationSeconds: 10,
    lastCheckedAt: at(120),
    completedAt: at(120),
    nextCheckAt: null,
    checkCount: 3,
    history: [
      change('SUBMITTING', 'QUEUED', at(1), 'SUBMIT', 0),
      change('QUEUED', 'PROCESSING', at(40), 'CHECK', 1),
      change('PROCESSING', 'COMPLETED', at(120), 'CHECK', 3),
    ],
  };
}

/** Not due during the run, because the peers do not track tasks. */
const notDue = () => new Date(Date.now() + 600 * minuteMs);

let lastTurn = 0;

/** Recorded, and not sent yet. */
export function waitingTask(createdAt: Date): Row {
  const { submittedAt: _, ...order } = orderedAt(createdAt);
  lastTurn += 1;
  const startBefore = new Date(Date.now() + 24 * 60 * minuteMs);
  const wait = { turn: lastTurn, waitsFor: 'EARLIER_ORDERS', sendAttempt: 0, whenBusy: 'WAIT', startBefore };
  return { ...order, version: 1, status: 'WAITING', ...wait, history: [] };
}

/** Accepted, and not begun. */
function queuedTask(createdAt: Date, nextCheckAt = notDue()): Row {
  const order = orderedAt(createdAt);
  return {
    ...order,
    version: 2,
    status: 'QUEUED',
    upstreamId: `video_${order.id}`,
    upstreamStatus: 'queued',
    nextCheckAt,
    history: [change('SUBMITTING', 'QUEUED', createdAt, 'SUBMIT', 0)],
  };
}

/** Sent, but the answer was lost: it waits for a confirmation. */
export const unconfirmedTask = (createdAt: Date): Row => ({
  ...orderedAt(createdAt),
  submittedAt: null,
  version: 2,
  status: 'UNCONFIRMED',
  failureCode: 'SUBMISSION_UNCONFIRMED',
  history: [change('SUBMITTING', 'UNCONFIRMED', createdAt, 'SUBMIT', 0)],
});
