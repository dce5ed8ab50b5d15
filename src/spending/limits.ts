import type { Unit } from '../catalogue/models.ts';
import { QuotaExceededError, RateLimitedError } from '../errors.ts';

/** A client's limits; null for no limit. */
export interface SpendingLimits {
  readonly submitsPerMinute: number | null;
  /** The budget of a day (UTC) for models that are billed by the second, and by the call. */
  readonly secondsPerDay: number | null;
  readonly callsPerDay: number | null;
  /** How many tasks may be open at the upstream; further orders wait. */
  readonly maxOpen: number | null;
}

/** What a client ordered in one minute and on one day. `minute` and `day` are when those began. */
export interface Usage {
  readonly minute: Date;
  readonly submits: number;
  readonly day: Date;
  readonly seconds: number;
  readonly calls: number;
}

/** What one order adds to a usage. */
export interface Cost {
  readonly submits: 0 | 1;
  readonly seconds: number;
  readonly calls: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const beginningOf = (windowMs: number, now: Date): Date => new Date(Math.floor(now.getTime() / windowMs) * windowMs);

export const unused: Usage = { minute: new Date(0), submits: 0, day: new Date(0), seconds: 0, calls: 0 };

/**
 * Whether a stored window is the current one, or the one after it: the clock of the instance that wrote it may be
 * ahead.
 */
const isOn = (window: Date, current: Date, windowMs: number): boolean =>
  window >= current && window.getTime() - current.getTime() <= windowMs;

/** The usage at `now`: the counts of a minute or day that has ended are 0. */
export function usageAt(usage: Usage, now: Date): Usage {
  const minute = beginningOf(minuteMs, now);
  const day = beginningOf(dayMs, now);
  return {
    ...(isOn(usage.minute, minute, minuteMs)
      ? { minute: usage.minute, submits: usage.submits }
      : { minute, submits: 0 }),
    ...(isOn(usage.day, day, dayMs)
      ? { day: usage.day, seconds: usage.seconds, calls: usage.calls }
      : { day, seconds: 0, calls: 0 }),
  };
}

export const endOfMinute = ({ minute }: Usage): Date => new Date(minute.getTime() + minuteMs);
export const endOfDay = ({ day }: Usage): Date => new Date(day.getTime() + dayMs);

export const costOf = (unit: Unit, units: number): Cost => ({
  submits: 1,
  seconds: unit === 'SECOND' ? units : 0,
  calls: unit === 'CALL' ? units : 0,
});

const noLimit = Number.POSITIVE_INFINITY;

/** The usage with an order added, or the error where a limit forbids the order. */
export function afterSpending(
  usage: Usage,
  cost: Cost,
  { submitsPerMinute, secondsPerDay, callsPerDay }: SpendingLimits,
  now: Date,
): Usage | RateLimitedError | QuotaExceededError {
  const current = usageAt(usage, now);
  const secondsUntil = (date: Date): number => Math.max(1, Math.ceil((date.getTime() - now.getTime()) / 1000));
  const budgets = { seconds: secondsPerDay ?? noLimit, calls: callsPerDay ?? noLimit };
  for (const unit of ['seconds', 'calls'] as const) {
    const budget = budgets[unit];
    if (cost[unit] === 0 || current[unit] + cost[unit] <= budget) continue;
    const retryAfterSeconds = cost[unit] > budget ? null : secondsUntil(endOfDay(current));
    return new QuotaExceededError(unit, current[unit], budget, retryAfterSeconds);
  }
  const submits = current.submits + cost.submits;
  if (submitsPerMinute !== null && submits > submitsPerMinute) {
    return new RateLimitedError(submitsPerMinute, secondsUntil(endOfMinute(current)));
  }
  return { ...current, submits, seconds: current.seconds + cost.seconds, calls: current.calls + cost.calls };
}

/** The usage without an order that was counted at `countedAt`, as far as that minute and that day have not ended. */
export function afterRefund(usage: Usage, { submits, seconds, calls }: Cost, countedAt: Date): Usage {
  const sameMinute = usage.minute.getTime() === beginningOf(minuteMs, countedAt).getTime();
  const sameDay = usage.day.getTime() === beginningOf(dayMs, countedAt).getTime();
  return {
    ...usage,
    ...(sameMinute && { submits: Math.max(0, usage.submits - submits) }),
    ...(sameDay && { seconds: Math.max(0, usage.seconds - seconds), calls: Math.max(0, usage.calls - calls) }),
  };
}
