import { type CheckSchedule, cappedRetryAfterMs } from '../tasks/check-schedule.ts';
import type { CheckReply, SubmitReply } from '../tasks/upstream.ts';

/** What the upstream's replies say about all checks, not about single tasks. */
export interface Throttle {
  /** How many of `concurrency` checks may be under way at `now`. */
  limit(concurrency: number, now: Date): number;
  /** Takes in the reply to a check that was sent at `sentAt`; returns how long that task is to wait at least. */
  heedCheck(taskId: string, reply: CheckReply, sentAt: Date, now: Date): number;
  /** Takes in the reply to an order that was sent at `sentAt`. */
  heedSubmit(reply: SubmitReply, sentAt: Date, now: Date): void;
  /** Why nothing is checked at the moment; null where the key is accepted. */
  problem(): string | null;
}

/** How long nothing is checked after the upstream has refused our key; then one check at a time tries again. */
const accessDeniedPauseMs = 5 * 60_000;

/** How long a submit's HTTP 403 without a reason says nothing about the key, after a check has shown that it did not. */
const orderRefusedMs = 60 * 60_000;

/** One task may belong to another account of a relay: only so many refused tasks say that it is the key. */
const tasksThatTell = 3;

const deniesAccess = (reply: CheckReply | SubmitReply): reply is CheckReply & { httpStatus: number } =>
  reply.kind === 'REFUSED' &&
  (reply.httpStatus === 401 || (reply.httpStatus === 403 && (reply.topic ?? 'ACCESS') === 'ACCESS'));

/** Whether the upstream has shown by its reply that it accepts the key. */
const acceptsKey = (reply: CheckReply | SubmitReply): boolean =>
  reply.kind === 'OBSERVED' ||
  reply.kind === 'ACCEPTED' ||
  (reply.kind === 'REFUSED' && reply.httpStatus !== 403 && reply.topic !== 'ACCESS');

/** Lets checks through, until the upstream refuses our key or wants to be left alone for a while. */
export function createThrottle({ intervalMs }: CheckSchedule): Throttle {
  let rateLimitedUntilMs = 0;
  let denied: { readonly since: Date; readonly problem: string } | null = null;
  /** Whether checks stand still because of an order's HTTP 403, which a firewall also says of what is in the order. */
  let doubted = false;
  let undoubtedUntilMs = 0;
  const refusedTasks = new Set<string>();

  const deny = (httpStatus: number, since: Date): void => {
    denied = { since, problem: `The upstream refuses the API key (HTTP ${httpStatus}): correct GROK_API_KEY.` };
  };

  const accept = (sentAt: Date): void => {
    // What had been under way when the key was refused says nothing new.
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
        // Then the next one to try is another task: this one alone may be refused for ever.
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
        // A pause that is under way ends by what a check is answered, however many orders are refused meanwhile.
        if (denied !== null || (doubtful && now.getTime() < undoubtedUntilMs)) return;
        deny(reply.httpStatus, now);
        doubted = doubtful;
      } else if (reply.kind === 'ACCEPTED') accept(sentAt);
    },
    problem: () => denied?.problem ?? null,
  };
}
