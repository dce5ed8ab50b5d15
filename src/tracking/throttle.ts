import { type CheckSchedule, cappedRetryAfterMs } from '../tasks/check-schedule.ts';
import type { CheckReply, SubmitReply } from '../tasks/upstream.ts';

/** Slows all checks down, or stops them, by what the upstream's replies say about the key and the rate of requests. */
export interface Throttle {
  /** How many of `concurrency` checks may be under way at `now`. */
  limit(concurrency: number, now: Date): number;
  /**
   * Takes a reply to a check that was sent at `sentAt`. Returns the shortest pause in milliseconds before the next
   * check of that task.
   */
  heedCheck(taskId: string, reply: CheckReply, sentAt: Date, now: Date): number;
  /** Takes a reply to an order that was sent at `sentAt`. */
  heedSubmit(reply: SubmitReply, sentAt: Date, now: Date): void;
  /** Why checks stand still, for an operator; null while the upstream accepts the key. */
  problem(): string | null;
}

/** How long checks stand still after the upstream refused the key. After that, one check at a time tries again. */
const accessDeniedPauseMs = 5 * 60_000;

/**
 * How long an order's HTTP 403 without a reason is not taken for a refused key, after a check has shown that the key is
 * accepted.
 */
const orderRefusedMs = 60 * 60_000;

/**
 * How many different tasks must be refused before the key counts as refused. One task alone may belong to another
 * account.
 */
const tasksThatTell = 3;

const deniesAccess = (reply: CheckReply | SubmitReply): reply is CheckReply & { httpStatus: number } =>
  reply.kind === 'REFUSED' &&
  (reply.httpStatus === 401 || (reply.httpStatus === 403 && (reply.topic ?? 'ACCESS') === 'ACCESS'));

/** Whether the reply shows that the upstream accepts the key. */
const acceptsKey = (reply: CheckReply | SubmitReply): boolean =>
  reply.kind === 'OBSERVED' ||
  reply.kind === 'ACCEPTED' ||
  (reply.kind === 'REFUSED' && reply.httpStatus !== 403 && reply.topic !== 'ACCESS');

/** Creates a throttle that allows all checks until the upstream refuses the key or asks for fewer requests. */
export function createThrottle({ intervalMs }: CheckSchedule): Throttle {
  let rateLimitedUntilMs = 0;
  let denied: { readonly since: Date; readonly problem: string } | null = null;
  /**
   * Whether checks stand still because of an order's HTTP 403. A firewall also answers 403, because of the content of
   * an order.
   */
  let doubted = false;
  let undoubtedUntilMs = 0;
  const refusedTasks = new Set<string>();

  const deny = (httpStatus: number, since: Date): void => {
    denied = { since, problem: `The upstream refuses the API key (HTTP ${httpStatus}): correct GROK_API_KEY.` };
  };

  const accept = (sentAt: Date): void => {
    // A reply to a request that was sent before the key was refused says nothing about the key now.
    if (denied !== null && sentAt <= denied.since) return;
    denied = null;
    doubted = false;
    refusedTasks.clear();
  };

  return {
    limit(concurrency, now) {
      const deniedUntilMs = denied === null ? 0 : denied.since.getTime() + accessDeniedPauseMs;
      if (now.getTime() < Math.max(rateLimitedUntilMs, deniedUntilMs)) return 0;
      return denied === null ? concurrency : 1;
    },
    heedCheck(taskId, reply, sentAt, now) {
      if (deniesAccess(reply)) {
        doubted = false;
        if (refusedTasks.size < tasksThatTell) refusedTasks.add(taskId);
        if (denied !== null || refusedTasks.size === tasksThatTell) deny(reply.httpStatus, now);
        // The task waits as long as all checks do, so that another task tries next: this one may be refused for ever.
        return denied === null ? 0 : accessDeniedPauseMs;
      }
      if (reply.kind === 'RATE_LIMITED') {
        const pauseMs = Math.max(cappedRetryAfterMs(reply.retryAfterMs), intervalMs);
        rateLimitedUntilMs = Math.max(rateLimitedUntilMs, now.getTime() + pauseMs);
      } else if (acceptsKey(reply)) {
        if (doubted) undoubtedUntilMs = now.getTime() + orderRefusedMs;
        accept(sentAt);
      }
      return 0;
    },
    heedSubmit(reply, sentAt, now) {
      if (deniesAccess(reply)) {
        const doubtful = reply.httpStatus === 403 && (reply.topic ?? null) === null;
        // Only the reply to a check ends a running pause, so that refused orders do not extend it.
        if (denied !== null || (doubtful && now.getTime() < undoubtedUntilMs)) return;
        deny(reply.httpStatus, now);
        doubted = doubtful;
      } else if (reply.kind === 'ACCEPTED') accept(sentAt);
    },
    problem: () => denied?.problem ?? null,
  };
}
