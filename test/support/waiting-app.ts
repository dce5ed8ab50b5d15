import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import type { TaskStatus } from '../../src/tasks/task.ts';
import type { WaitReason } from '../../src/tasks/wait-reasons.ts';
import { anOrder, createTestApp, type Speaker, type TestApp } from './app.ts';
import { as, createKeysFor, type Grant } from './callers.ts';
import { freshDatabase } from './database.ts';
import { begin, waitDocument } from './placing.ts';
import { reply, status, type TestUpstream } from './upstream.ts';

export interface WaitingApp<Name extends string = never> extends TestApp {
  readonly clock: { now: Date };
  /** Moves the clock. */
  advance(ms: number): void;
  /** The callers with a key, by its name. */
  readonly callers: Readonly<Record<Name, Speaker>>;
}

interface Options<Name extends string> {
  readonly provider?: Provider;
  readonly databaseUrl?: string;
  readonly upstream?: TestUpstream;
  readonly clock?: { now: Date };
  readonly settings?: Record<string, string>;
  readonly grants?: Readonly<Record<Name, Grant>>;
}

/** The whole service, started, with a clock that only the test moves. It looks for orders to send every 20 ms. */
export async function createWaitingApp<const Name extends string = never>({
  provider,
  clock = { now: begin },
  grants = {} as Record<Name, Grant>,
  ...options
}: Options<Name> = {}): Promise<WaitingApp<Name>> {
  const databaseUrl = options.databaseUrl ?? (await freshDatabase(provider));
  const keys = Object.entries(await createKeysFor(databaseUrl, grants)) as [Name, { key: string }][];
  const app = await createTestApp({ ...options, databaseUrl, now: () => clock.now, started: true });
  app.upstream.onCheck = status('queued');
  const advance = (ms: number) => {
    clock.now = new Date(clock.now.getTime() + ms);
  };
  const callers = Object.fromEntries(keys.map(([name, key]) => [name, as(app, key)])) as Record<Name, Speaker>;
  return { ...app, clock, advance, callers };
}

export interface Ordered {
  readonly replayed: boolean;
  readonly task: {
    readonly id: string;
    readonly status: TaskStatus;
    readonly failure: { readonly code: string } | null;
    readonly waiting: {
      readonly reason: WaitReason;
      readonly ahead: number;
      readonly estimatedStartAt: string | null;
      readonly startBefore: string | null;
    } | null;
  };
}

interface How {
  readonly input?: object;
  readonly key?: string;
  readonly options?: object;
}

/** Orders, and returns the outcome of an order that is expected to yield a task. */
export async function order(
  { query }: Pick<Speaker, 'query'>,
  { input = anOrder, key, options }: How = {},
): Promise<Ordered> {
  const { data, errors } = await query(waitDocument, { input, key, options });
  expect(errors).toBeUndefined();
  return data.submitVideo;
}

/** An order that can be told from others in what the upstream receives. */
export const orderNamed = (prompt: string): How => ({ input: { grokVideo3: { prompt } } });

/** The prompts of the orders that the upstream received, in their order. */
export const promptsSent = ({ upstream }: Pick<TestApp, 'upstream'>): string[] =>
  upstream.submits.map((body) => String(body['prompt']));

/** The upstream takes no orders for so long, as it says itself. */
export const busyFor = (seconds: number) => reply(429, '', { 'retry-after': String(seconds) });

/** How long a test waits for what the service does by itself. */
export const background = { timeout: 20_000 };

/** Waits until the upstream has received so many orders. */
export const untilSent = ({ upstream }: Pick<TestApp, 'upstream'>, count: number) =>
  expect.poll(() => upstream.submits.length, background).toBe(count);

/** Lets the service look for orders several times, so that it would have sent what it may not send. */
export const someLooks = () => sleep(120);

export const cancelDocument = /* GraphQL */ `
  mutation ($id: ID!) { cancelVideoTask(id: $id) { task { id status failure { code } waiting { ahead } } } }
`;

export const cancel = ({ query }: Pick<Speaker, 'query'>, id: string) => query(cancelDocument, { id });

export const conflict = { errors: [{ extensions: { code: 'TASK_STATE_CONFLICT' } }] };
