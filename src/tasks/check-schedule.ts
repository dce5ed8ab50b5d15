/** When tasks are checked. */
export interface CheckSchedule {
  /** From the submit to the first check. */
  readonly firstCheckMs: number;
  /** Between the checks of a young task. The vendor asks for 30 to 60 seconds. */
  readonly intervalMs: number;
}

const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** The older a task is, the rarer its checks: from each age on, the interval is multiplied. */
const slowdowns = [
  { fromAgeMs: hourMs, factor: 20 },
  { fromAgeMs: 10 * minuteMs, factor: 4 },
  { fromAgeMs: 0, factor: 1 },
];

/** How much longer than the interval a pause may be, so that tasks submitted together do not stay together. */
const maxJitter = 0.5;

/** A Retry-After beyond this is not believed. */
const maxRetryAfterMs = 15 * minuteMs;

/** A result is fetchable for 24 hours: a task that has not ended by then has nothing left to wait for. */
export const trackingLimitMs = 24 * hourMs;

/** Where the upstream does not answer at all, its word on the task is waited for a while longer. */
export const unansweredLimitMs = 48 * hourMs;

/** How long the vendor keeps a finished video's link alive. */
export const videoLifetimeMs = 24 * hourMs;

/** What the upstream asked for by Retry-After, as far as it is followed. */
export function cappedRetryAfterMs(retryAfterMs: number | undefined): number {
  return Math.min(retryAfterMs ?? 0, maxRetryAfterMs);
}

/** The pause before the next check of a task that was accepted `ageMs` ago. `jitter` is a random number below 1. */
export function pauseMs(schedule: CheckSchedule, ageMs: number, jitter: number, retryAfterMs?: number): number {
  const factor = slowdowns.find(({ fromAgeMs }) => ageMs >= fromAgeMs)?.factor ?? 1;
  const pause = schedule.intervalMs * factor * (1 + maxJitter * jitter);
  return Math.max(pause, cappedRetryAfterMs(retryAfterMs));
}
