/**
 * The work itself, the same for every peer and as little of it as is honest: only the columns that an answer can show
 * are read, and nothing is logged, limited, counted or followed afterwards, all of which the service does.
 */
import { v7 as uuidv7 } from 'uuid';
import { openPrisma } from '../prisma.ts';

// Given by the bench; a peer is of no use without them.
const { DATABASE_FILE = '', TOKEN = '', UPSTREAM_URL = '' } = process.env;

export const prisma = await openPrisma(DATABASE_FILE);

/** The accepted token, and its client. */
const clients = new Map([[`Bearer ${TOKEN}`, 'bench']]);

/** The client of a token, looked up in memory. The service asks its database whether a key was revoked. */
export const clientOf = (authorization: string | undefined): string | undefined => clients.get(authorization ?? '');

const columns = {
  id: true,
  client: true,
  status: true,
  model: true,
  prompt: true,
  durationSeconds: true,
  aspectRatio: true,
  resolution: true,
  createdAt: true,
  completedAt: true,
  videoUrl: true,
  failureCode: true,
} as const;

export type Task = NonNullable<Awaited<ReturnType<typeof read>>>;

const read = (id: string) => prisma.task.findUnique({ where: { id }, select: columns });

export async function findTask(client: string, id: string): Promise<Task | null> {
  const task = await read(id);
  return task && task.client === client ? task : null;
}

/** The newest first, after the task that the cursor names. */
export async function listTasks(client: string, first: number, after: string | null | undefined) {
  const where = { client, ...(after && { id: { lt: after } }) };
  const rows = await prisma.task.findMany({ where, select: columns, orderBy: { id: 'desc' }, take: first + 1 });
  const edges = rows.slice(0, first).map((node) => ({ cursor: node.id, node }));
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } };
}

export interface Order {
  readonly prompt: string;
  readonly duration: number;
  readonly aspectRatio: string;
  readonly resolution: string;
}

/** Until when a submit has time, and how long after it the first check would be. */
const [leaseMs, firstCheckMs] = [35_000, 30_000];

/** The row before the paid call, the call over a kept connection, the row after it. */
export async function submitVideo(client: string, order: Order): Promise<Task> {
  const prompt = order.prompt.trim();
  if (prompt === '' || prompt.length > 10_000) throw new Error('The prompt must have 1 to 10,000 characters.');
  const createdAt = new Date();
  const leasedUntil = new Date(createdAt.getTime() + leaseMs);
  const { id } = await prisma.task.create({
    data: {
      durationSeconds: order.duration,
      aspectRatio: order.aspectRatio,
      resolution: order.resolution,
      id: uuidv7({ msecs: createdAt.getTime() }),
      client,
      model: 'GROK_VIDEO3',
      prompt,
      referenceImages: [],
      billingUnit: 'SECOND',
      billingUnits: order.duration,
      status: 'SUBMITTING',
      createdAt,
      leasedUntil,
      nextCheckAt: leasedUntil,
      history: [],
    },
    select: { id: true },
  });
  const accepted = await sendOrder(prompt, order);
  const now = new Date();
  const entry = { from: 'SUBMITTING', to: 'QUEUED', at: now.toISOString(), cause: 'SUBMIT', attempt: 0 };
  return prisma.task.update({
    where: { id },
    data: {
      status: 'QUEUED',
      version: { increment: 1 },
      upstreamId: accepted.id,
      upstreamStatus: accepted.status,
      submittedAt: now,
      nextCheckAt: new Date(now.getTime() + firstCheckMs),
      leasedUntil: null,
      history: [{ ...entry, upstreamStatus: accepted.status }],
    },
    select: columns,
  });
}

/** Node's own fetch keeps its connections. */
async function sendOrder(prompt: string, { duration, aspectRatio, resolution }: Order) {
  const response = await fetch(`${UPSTREAM_URL}/v1/grok/videos`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-bench', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'grok_video3',
      prompt,
      duration,
      aspect_ratio: aspectRatio,
      resolution,
    }),
  });
  if (!response.ok) throw new Error(`The upstream answered ${response.status}.`);
  return (await response.json()) as { id: string; status: string };
}

/** The parts of an answer that are computed. */
export const optionsOf = ({ durationSeconds, aspectRatio, resolution }: Task) => ({
  durationSeconds,
  aspectRatio,
  resolution,
});

const lifetimeMs = 24 * 60 * 60_000;

export function videoOf({ videoUrl, completedAt }: Task) {
  if (videoUrl === null || completedAt === null) return null;
  const expired = Date.now() >= completedAt.getTime() + lifetimeMs;
  return { url: expired ? null : videoUrl, state: expired ? 'EXPIRED' : 'AVAILABLE' };
}

export const failureOf = ({ failureCode }: Task) => (failureCode === null ? null : { code: failureCode });
