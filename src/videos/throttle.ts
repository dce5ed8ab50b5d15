import type { CheckReply } from '../upstream/replies.ts';
import { cappedRetryAfterMs, type Schedule } from './schedule.ts';

/** What the upstream's replies say about all checks, whichever task they were about. */
export interface Throttle {
  /** How many checks may be under way at `now`. */
  limit(now: Date): number;
  heed(reply: CheckReply, now: Date): void;
  /** Why nothing is checked at the moment; null where the key is accepted. */
  problem(): string | null;
}

/** How long nothing is checked after the upstream has refused our key; then one check at a time tries again. */
const accessDeniedPauseMs = 5 * 60_000;

/** Lets up to `concurrency` checks through, until the upstream refuses our key or wants to be left alone for a while. */
export function createThrottle(concurrency: number, { intervalMs }: Schedule): Throttle {
  let pausedUntilMs = 0;
  let accessDenied: string | null = null;

  const pause = (now: Date, ms: number): void => {
    pausedUntilMs = Math.max(pausedUntilMs, now.getTime() + ms);
  };

  return {
    limit(now) {
      if (now.getTime() < pausedUntilMs) return 0;
      return accessDenied === null ? concurrency : 1;
    },
    heed(reply, now) {
      if (reply.kind === 'REFUSED' && (reply.httpStatus === 401 || reply.httpStatus === 403)) {
        accessDenied = `The upstream refuses the API key (HTTP ${reply.httpStatus}): correct GROK_API_KEY.`;
        pause(now, accessDeniedPauseMs);
      } else if (reply.kind === 'RATE_LIMITED') {
        pause(now, Math.max(cappedRetryAfterMs(reply.retryAfterMs), intervalMs));
      } else if (now.getTime() >= pausedUntilMs && (reply.kind === 'OBSERVED' || reply.kind === 'REFUSED')) {
        // A check that had been under way when the key was refused says nothing new.
        accessDenied = null;
      }
    },
    problem: () => accessDenied,
  };
}
