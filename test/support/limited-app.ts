import { expect } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import { type Answer, createTestApp, nothing, type Speaker, type TestApp } from './app.ts';
import { as, createKeysFor, type Grant } from './callers.ts';
import { freshDatabase } from './database.ts';
import { durationWord, orderOf } from './orders.ts';

/** When the clock of a limited app begins: in the middle of a minute. */
export const limitedSince = '2026-11-22T12:00:20.500Z';

export interface LimitedApp<Name extends string> extends TestApp {
  setTime(time: string): void;
  /** The callers with a key, by its name. */
  readonly callers: Readonly<Record<Name, Speaker>>;
}

interface Options<Name extends string> {
  readonly provider?: Provider;
  /** The keys; without any, every caller is `local`. */
  readonly grants?: Readonly<Record<Name, Grant>>;
}

/** A service with limits on spending, with a clock that only the test moves. */
export async function createLimitedApp<const Name extends string = never>(
  settings: Record<string, string>,
  { provider = 'sqlite', grants = {} as Record<Name, Grant> }: Options<Name> = {},
): Promise<LimitedApp<Name>> {
  const clock = { now: new Date(limitedSince) };
  const databaseUrl = await freshDatabase(provider);
  const keys = Object.entries(await createKeysFor(databaseUrl, grants)) as [Name, { key: string }][];
  const app = await createTestApp({ databaseUrl, settings, now: () => clock.now });
  const callers = Object.fromEntries(keys.map(([name, key]) => [name, as(app, key)])) as Record<Name, Speaker>;
  const setTime = (time: string) => {
    clock.now = new Date(time);
  };
  return { ...app, setTime, callers };
}

type Caller = Pick<TestApp, 'query'>;

/** Who the caller is, what it has used and what it may use. */
export async function viewerOf({ query }: Caller) {
  const used = 'usage { submits seconds calls minuteEndsAt dayEndsAt }';
  const { data, errors } = await query(
    `{ videoClient { name scopes ${used} limits { submitsPerMinute secondsPerDay callsPerDay } } }`,
  );
  expect(errors).toBeUndefined();
  return data.videoClient;
}

export async function usageOf(caller: Caller) {
  const { submits, seconds, calls } = (await viewerOf(caller)).usage;
  return { submits, seconds, calls };
}

export const codeOf = ({ errors }: Answer): string | undefined => errors?.[0]?.extensions.code;

/** An order of so many seconds from a model that is billed by the second, and one from a model billed by the call. */
export const secondsOrder = (seconds: number) => orderOf('GROK_VIDEO3', { duration: durationWord(seconds) });
export const callOrder = orderOf('GROK_VIDEO3_PRO');

const refusedWith = (code: string, retryAfterSeconds: number, message: RegExp) => ({
  data: nothing,
  errors: [{ message: expect.stringMatching(message), extensions: { code, retryable: true, retryAfterSeconds } }],
});

export const rateLimited = (limit: number, retryAfterSeconds: number) =>
  refusedWith('RATE_LIMITED', retryAfterSeconds, new RegExp(`^At most ${limit} orders a minute .*nothing was ordered`));

export const overBudget = (limit: string, used: number, retryAfterSeconds: number) =>
  refusedWith('QUOTA_EXCEEDED', retryAfterSeconds, new RegExp(`budget of ${limit}, of which ${used} are used`));
