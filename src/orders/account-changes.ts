import { cappedRetryAfterMs } from '../tasks/check-schedule.ts';
import { later } from '../tasks/moment.ts';
import type { SubmitReply } from '../tasks/upstream.ts';
import { waitReasonOf } from '../tasks/wait-reasons.ts';
import type { Account, AccountChange } from './account.ts';

/** How the replies to orders change what is known of their account. */

/** The right to send one order. It has to be given back by `AccountGate.settle`. */
export interface Permit {
  /** Whether the order has waited. */
  readonly hasWaited: boolean;
  /** Whether the account was blocked when the permit was given. */
  readonly wasBlocked: boolean;
  /** Until then no other order is sent, because the account is blocked; null where others may be. */
  readonly sendingUntil: Date | null;
  /** The time that was counted for the pace; null where the pace is not limited. */
  readonly countedAtMs: number | null;
}

/** The pause after the first refusal where the upstream does not ask for one. It doubles with each further one. */
const pausesMs = { first: 1_000, longest: 5 * 60_000 };

/**
 * After so many refusals in a row the pauses grow although the upstream asks for shorter ones: one that always asks for a
 * second would soon have refused an order too often.
 */
const believedRefusals = 5;

/** The pause after one more refusal. */
function pauseMs(refusals: number, saidMs: number): number {
  const doublings = saidMs > 0 ? refusals - believedRefusals : refusals;
  const ownMs = doublings < 0 ? 0 : Math.min(pausesMs.first * 2 ** doublings, pausesMs.longest);
  return Math.max(saidMs, ownMs);
}

/** The change of an account whose refusals are over. */
export const unblocked = { blockedBy: null, blockedUntil: null } as const;

/** What the reply to an order says about its account. Nothing is changed where that is known already. */
export function afterReply(account: Account, permit: Permit, reply: SubmitReply, now: Date): AccountChange {
  const released = release(account, permit);
  const isOnlyOne = permit.sendingUntil !== null;
  if (reply.kind === 'ACCEPTED') {
    if (!isOnlyOne) return {};
    const taken = { ...released, takenAt: now, refusals: 0 };
    return account.blockedBy === 'RATE_LIMITED' ? taken : { ...taken, ...unblocked };
  }
  // An order whose answer was lost is not sent again. The others that wait are sent one at a time after it, because all
  // of them could become UNCONFIRMED otherwise.
  const isLostOfQueue = reply.kind === 'ANSWER_LOST' && permit.hasWaited;
  const blockedBy = isLostOfQueue ? 'ANSWERS_LOST' : waitReasonOf(reply);
  // An order that would rather fail than wait is also sent to a blocked account. Its refusal does not hold up those that
  // wait, because a client could otherwise hold them up for good.
  if (blockedBy === null || (permit.wasBlocked && !isOnlyOne)) return released;
  const until = later(now, pauseMs(account.refusals, cappedRetryAfterMs(reply.retryAfterMs)));
  const blockedUntil = account.blockedUntil !== null && account.blockedUntil > until ? account.blockedUntil : until;
  // Orders that were under way together and are refused together are one refusal.
  const isAnother = isOnlyOne || account.blockedBy === null;
  return { ...released, blockedBy, blockedUntil, refusals: account.refusals + Number(isAnother) };
}

/** Takes a permit back with which nothing was sent. */
export function withoutUse(account: Account, permit: Permit): AccountChange {
  const { recentSends } = account;
  const at = permit.countedAtMs === null ? -1 : recentSends.indexOf(permit.countedAtMs);
  return { ...release(account, permit), ...(at >= 0 && { recentSends: recentSends.toSpliced(at, 1) }) };
}

/** Lets other orders be sent again, unless the permit's time is over and another order is being sent by now. */
const release = (account: Account, { sendingUntil }: Permit): AccountChange =>
  sendingUntil !== null && account.sendingUntil?.getTime() === sendingUntil.getTime() ? { sendingUntil: null } : {};
