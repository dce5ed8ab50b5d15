import { QuotaExceededError, RateLimitedError } from './errors.ts';
import type { Unit } from './models.ts';

/** What a client may order; null where there is no limit. */
export interface SpendingLimits {
  readonly submitsPerMinute: number | null;
  /** The budget of a day (UTC) for models that are billed by the second, and by the call. */
  readonly secondsPerDay: number | null;
  readonly callsPerDay: number | null;
}

/** What a client has ordered in one minute, and on one day, each named by its beginning. */
export interface Usage {
  readonly minute: Date;
  readonly submits: number;
  readonly day: Date;
  readonly seconds: number;
  readonly calls: number;
}

/** What one order counts for. */
export interface Cost {
  readonly submits: 0 | 1;
  readonly seconds: number;
  readonly calls: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const beginningOf = (windowMs: number, now: Date): Date => new Date(Math.floor(now.getTime() / windowMs) * windowMs);

export const unused: Usage = { minute: new Date(0), submits: 0, day: new Date(0), seconds: 0, calls: 0 };

/** What of a usage still counts at `now`. A window that has not begun here has begun on an instance whose clock is ahead. */
export function usageAt(usage: Usage, now: Date): Usage {
  const minute = beginningOf(minuteMs, now);
  const day = beginningOf(dayMs, now);
  return {
    ...(usage.minute >= minute ? { minute: usage.minute, submits: usage.submits } : { minute, submits: 0 }),
    ...(usage.day >= day
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

/** The usage once an order has been added to it; or the error, where a limit forbids the order. */
export function afterSpending(
  usage: Usage,
  cost: Cost,
  limits: SpendingLimits,
  now: Date,
): Usage | RateLimitedError | QuotaExceededError {
  const current = usageAt(usage, now);
  const submits = current.submits + cost.submits;
  const seconds = current.seconds + cost.seconds;
  const calls = current.calls + cost.calls;
  const secondsUntil = (date: Date): number => Math.max(1, Math.ceil((date.getTime() - now.getTime()) / 1000));
  const { submitsPerMinute, secondsPerDay, callsPerDay } = limits;
  if (cost.seconds > 0 && seconds > (secondsPerDay ?? Number.POSITIVE_INFINITY))
    return new QuotaExceededError('seconds', current.seconds, secondsPerDay, secondsUntil(endOfDay(current)));
  if (cost.calls > 0 && calls > (callsPerDay ?? Number.POSITIVE_INFINITY))
    return new QuotaExceededError('calls', current.calls, callsPerDay, secondsUntil(endOfDay(current)));
  if (submits > (submitsPerMinute ?? Number.POSITIVE_INFINITY))
    return new RateLimitedError(submitsPerMinute, secondsUntil(endOfMinute(current)));
  return { ...current, submits, seconds, calls };
}

/** The usage without what was counted at `countedAt`, as far as its minute and its day are still going on. */
export function afterRefund(usage: Usage, { submits, seconds, calls }: Cost, countedAt: Date): Usage {
  const sameMinute = usage.minute.getTime() === beginningOf(minuteMs, countedAt).getTime();
  const sameDay = usage.day.getTime() === beginningOf(dayMs, countedAt).getTime();
  return {
    ...usage,
    ...(sameMinute && { submits: Math.max(0, usage.submits - submits) }),
    ...(sameDay && { seconds: Math.max(0, usage.seconds - seconds), calls: Math.max(0, usage.calls - calls) }),
  };
}
