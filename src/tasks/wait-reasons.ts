import { type FailureCode, failureOfSubmit } from './failures.ts';
import type { VideoTask } from './task.ts';
import type { NoAnswer } from './upstream.ts';

/** What happens to an order that cannot be sent at once. */
export const whenBusyChoices = {
  WAIT: { description: 'It is recorded and sent as soon as it may be.' },
  FAIL: { description: 'It is not sent later: the task ends as FAILED, and nothing is billed.' },
} as const;

export type WhenBusy = keyof typeof whenBusyChoices;

interface ReasonFacts {
  readonly description: string;
  /** The failure of an order that does not wait for this. */
  readonly failureCode: FailureCode;
  /** Whether a reply of the upstream is the reason, and the whole account waits for it. */
  readonly ofAccount: boolean;
}

/**
 * Why an order waits instead of being sent, or, after a reply, is sent again. These are all the replies after which an
 * order is sent again: each proves that the upstream accepted nothing. After any other reply it never is.
 */
export const waitReasons = {
  RATE_LIMITED: {
    failureCode: 'UPSTREAM_RATE_LIMITED',
    ofAccount: true,
    description:
      'The upstream takes no more orders for the moment (HTTP 429). It is asked again when it said, with one order at a time.',
  },
  PAYMENT_REQUIRED: {
    failureCode: 'UPSTREAM_PAYMENT_REQUIRED',
    ofAccount: true,
    description: 'The upstream account behind this service is out of credit.',
  },
  ACCESS_DENIED: {
    failureCode: 'UPSTREAM_ACCESS_DENIED',
    ofAccount: true,
    description: "The upstream refuses this service's key (HTTP 401 or 403).",
  },
  UNREACHABLE: {
    failureCode: 'UPSTREAM_UNREACHABLE',
    ofAccount: true,
    description: 'No connection to the upstream can be made.',
  },
  ANSWERS_LOST: {
    failureCode: 'UPSTREAM_UNREACHABLE',
    ofAccount: false,
    description:
      'The upstream did not answer another order that had waited, and that may have been accepted. It is asked again with one order at a time, so that not all that wait become UNCONFIRMED.',
  },
  EARLIER_ORDERS: {
    failureCode: 'UPSTREAM_RATE_LIMITED',
    ofAccount: false,
    description: 'Earlier orders wait, and are sent before it.',
  },
  PACE: {
    failureCode: 'UPSTREAM_RATE_LIMITED',
    ofAccount: false,
    description: 'The service has sent as many orders in the last minute as it may (`UPSTREAM_SUBMITS_PER_MINUTE`).',
  },
  MAX_OPEN: {
    failureCode: 'UPSTREAM_RATE_LIMITED',
    ofAccount: false,
    description: 'As many tasks are open at the upstream as may be (`UPSTREAM_MAX_OPEN`).',
  },
  CLIENT_MAX_OPEN: {
    failureCode: 'UPSTREAM_RATE_LIMITED',
    ofAccount: false,
    description: 'The client has as many open tasks as its key allows.',
  },
  PAUSED: {
    failureCode: 'SUBMITTING_PAUSED',
    ofAccount: false,
    description: 'The operator has paused submitting.',
  },
  INTERRUPTED: {
    failureCode: 'UPSTREAM_UNREACHABLE',
    ofAccount: false,
    description: 'The service was stopped or held up before it could send the order.',
  },
} as const satisfies Record<string, ReasonFacts>;

export type WaitReason = keyof typeof waitReasons;

const reasonNames = Object.keys(waitReasons) as WaitReason[];

/** Why an order waits after this reply to it; null where it must not be sent again. */
export function waitReasonOf(reply: NoAnswer): WaitReason | null {
  const code = failureOfSubmit(reply);
  return reasonNames.find((name) => waitReasons[name].ofAccount && waitReasons[name].failureCode === code) ?? null;
}

/** How many hours an order may wait at most, because its reference images are kept for that long. */
export const maxWaitHours = 72;

/** After so many refusals an order is not sent again. */
export const maxRefusals = 20;

/** Whether the order may still wait at `now`. Whether it may be sent again is also a matter of the last reply. */
export const mayWait = ({ whenBusy, startBefore, refusalCount }: WaitingRules, now: Date): boolean =>
  whenBusy === 'WAIT' && refusalCount < maxRefusals && !isTooLate({ startBefore }, now);

type WaitingRules = Pick<VideoTask, 'whenBusy' | 'startBefore' | 'refusalCount'>;

/** Whether the time by which the order had to be sent is over. */
export const isTooLate = ({ startBefore }: Pick<VideoTask, 'startBefore'>, now: Date): boolean =>
  startBefore !== null && now >= startBefore;
