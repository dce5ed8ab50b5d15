/** How often the upstream is asked about tasks. */
export interface CheckSchedule {
  /** From the submit to the first check. */
  readonly firstCheckMs: number;
  /** Between the checks of a young task. The vendor asks for 30 to 60 seconds. */
  readonly intervalMs: number;
}

const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** The older a task is, the less often it is checked: from each age on, the interval is multiplied by the factor. */
const slowdowns = [
  { fromAgeMs: hourMs, factor: 20 },
  { fromAgeMs: 10 * minuteMs, factor: 4 },
  { fromAgeMs: 0, factor: 1 },
];

/**
 * By which part of the interval a pause may be longer. The random part spreads the checks of tasks that were submitted
 * together.
 */
const maxJitter = 0.5;

/** A longer Retry-After is cut to this. */
const maxRetryAfterMs = 15 * minuteMs;

/**
 * How long a task is tracked. A result can be fetched for 24 hours, so a task that has not ended by then has no usable
 * result to wait for.
 */
export const trackingLimitMs = 24 * hourMs;

/** How long a task is tracked while its checks bring no usable answer: longer, because it may have ended meanwhile. */
export const unansweredLimitMs = 48 * hourMs;

/** How long the vendor keeps the link of a finished video working. */
export const videoLifetimeMs = 24 * hourMs;

/** The wait that the upstream asked for, up to the longest that is followed. */
export function cappedRetryAfterMs(retryAfterMs: number | undefined): number {
  return Math.min(retryAfterMs ?? 0, maxRetryAfterMs);
}

/** The pause before the next check of a task that was accepted `ageMs` ago. `jitter` is a random number below 1. */
export function pauseMs(schedule: CheckSchedule, ageMs: number, jitter: number, retryAfterMs?: number): number {
  const factor = slowdowns.find(({ fromAgeMs }) => ageMs >= fromAgeMs)?.factor ?? 1;
  const pause = schedule.intervalMs * factor * (1 + maxJitter * jitter);
  return Math.max(pause, cappedRetryAfterMs(retryAfterMs));
}
