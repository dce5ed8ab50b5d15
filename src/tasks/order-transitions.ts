import { ended, failed, recorded } from './changes.ts';
import { failureOfSubmit } from './failures.ts';
import { later, type Moment } from './moment.ts';
import type { TaskChange, VideoTask } from './task.ts';
import type { Accepted, NoAnswer, SubmitReply } from './upstream.ts';
import { isTooLate, mayWait, type WaitReason, waitReasonOf, waitReasons } from './wait-reasons.ts';

/** How an order comes to the upstream: it waits, is sent, and is taken, refused, or its answer is lost. */

/** The longest Retry-After that is passed on to the client. */
const maxRetryAfterSeconds = 24 * 60 * 60;

/** The Retry-After of a failed submit, for the client. */
const retryAfter = ({ retryAfterMs }: NoAnswer) => ({
  failureRetryAfterSeconds:
    retryAfterMs === undefined ? null : Math.min(Math.ceil(retryAfterMs / 1_000), maxRetryAfterSeconds),
});

const unconfirmed = (failureMessage: string): TaskChange => ({
  status: 'UNCONFIRMED',
  failureCode: 'SUBMISSION_UNCONFIRMED',
  failureMessage,
  nextCheckAt: null,
  leasedUntil: null,
});

/** An order waits: whoever sends it next has to claim it first. */
const waiting = (waitsFor: WaitReason, turn: number): TaskChange => ({
  status: 'WAITING',
  turn,
  waitsFor,
  nextCheckAt: null,
  leasedUntil: null,
});

/** The change of a waiting order that is sent now, as a new attempt; null unless WAITING and in time. */
export function beforeSending(
  task: VideoTask,
  { leasedUntil, account }: { readonly leasedUntil: Date; readonly account: string },
  moment: Moment,
): TaskChange | null {
  if (task.status !== 'WAITING' || isTooLate(task, moment.now)) return null;
  const sendAttempt = task.sendAttempt + 1;
  const leased = { leasedUntil, nextCheckAt: leasedUntil };
  return recorded(task, { status: 'SUBMITTING', turn: null, account, sendAttempt, ...leased }, 'TURN', moment);
}

/** An attempt to send an order, as its sender knows it. */
export interface SendAttempt {
  readonly sendAttempt: number;
  /** The place of the order where it has to wait again; null where it must not be sent again. */
  readonly turn: number | null;
  /** Why it has no place although it would wait; absent where it would not. */
  readonly problem?: string | undefined;
}

/** Why an order has no place among those that wait where its inline images are not kept. */
export const imagesNotKept = 'It could not wait, because its inline images are not kept by this service.';

const joined = (message: string, problem: string | undefined): string =>
  problem === undefined ? message : `${message} ${problem}`;

/**
 * The change of an order whose attempt ended before anything was sent. It waits again where it may and has a turn, and
 * fails otherwise. Null where the attempt is over.
 */
export function afterHolding(
  task: VideoTask,
  { sendAttempt, turn, problem, reason }: SendAttempt & { readonly reason: WaitReason },
  moment: Moment,
): TaskChange | null {
  if (!isUnanswered(task, sendAttempt)) return null;
  if (turn !== null && task.status === 'SUBMITTING' && mayWait(task, moment.now))
    return recorded(task, waiting(reason, turn), 'HOLD', moment);
  if (isTooLate(task, moment.now)) return recorded(task, expired(task, reason, moment), 'DEADLINE', moment);
  const { failureCode, description } = waitReasons[reason];
  const message = joined(`The order was not sent: ${description}`, problem);
  return recorded(task, { ...failed(failureCode, message, moment), waitsFor: reason }, 'HOLD', moment);
}

/** The change of a waiting order that its caller cancels: nothing was sent. Null unless WAITING. */
export function afterCancelling(task: VideoTask, moment: Moment): TaskChange | null {
  return task.status === 'WAITING' ? recorded(task, ended('CANCELLED', moment), 'CANCEL', moment) : null;
}

/** The change of a waiting order that was not sent in time. Null unless WAITING and too late. */
export function afterDeadline(task: VideoTask, moment: Moment): TaskChange | null {
  if (task.status !== 'WAITING' || !isTooLate(task, moment.now)) return null;
  return recorded(task, expired(task, task.waitsFor ?? 'EARLIER_ORDERS', moment), 'DEADLINE', moment);
}

function expired({ startBefore }: VideoTask, reason: WaitReason, moment: Moment): TaskChange {
  const message = `The order was not sent before ${startBefore?.toISOString()}: ${waitReasons[reason].description}`;
  return failed('WAIT_EXPIRED', message, moment);
}

/** The change of a waiting order whose images are not kept any more. Null unless WAITING. */
export function afterLosingImages(task: VideoTask, message: string, moment: Moment): TaskChange | null {
  return task.status === 'WAITING' ? recorded(task, failed('IMAGES_NOT_KEPT', message, moment), 'TURN', moment) : null;
}

/** Whether the answer to this attempt is still missing. */
const isUnanswered = ({ status, sendAttempt: current }: VideoTask, sendAttempt: number): boolean =>
  current === sendAttempt && (status === 'SUBMITTING' || status === 'UNCONFIRMED');

/**
 * The change that the reply to an attempt makes; null where it makes none. A reply still counts when the task was
 * recorded as UNCONFIRMED before it arrived, because it is the answer that was missing. A refusal says nothing about a
 * later attempt, whose order may be taken.
 *
 * Only here an order is sent again: after a reply that proves that nothing was accepted, and out of SUBMITTING, never
 * out of UNCONFIRMED.
 */
export function afterSubmit(
  task: VideoTask,
  reply: SubmitReply,
  { sendAttempt, turn, problem }: SendAttempt,
  moment: Moment,
): TaskChange | null {
  if (!isUnanswered(task, sendAttempt)) {
    // The task was abandoned before the reply arrived. Its upstream id is still recorded, because the order may be
    // billed.
    return reply.kind === 'ACCEPTED' && task.upstreamId === null ? { upstreamId: reply.upstreamId } : null;
  }
  if (reply.kind === 'ACCEPTED') return recorded(task, accepted(reply, moment), 'SUBMIT', moment);
  if (reply.kind === 'ANSWER_LOST') {
    if (task.status === 'UNCONFIRMED') return null;
    return recorded(task, { ...unconfirmed(reply.message), ...retryAfter(reply) }, 'SUBMIT', moment);
  }
  const reason = waitReasonOf(reply);
  const refused = reply.kind === 'NEVER_SENT' ? {} : { refusalCount: task.refusalCount + 1, refusedAt: moment.now };
  const again = { ...task, ...refused };
  if (reason !== null && turn !== null && task.status === 'SUBMITTING' && mayWait(again, moment.now))
    return recorded(task, { ...waiting(reason, turn), ...refused }, 'SUBMIT', moment);
  const message = joined(reply.message, problem);
  const change = { ...failed(failureOfSubmit(reply), message, moment), ...retryAfter(reply), ...refused };
  return recorded(task, change, 'SUBMIT', moment);
}

const accepted = (reply: Pick<Accepted, 'upstreamId' | 'upstreamStatus'>, moment: Moment): TaskChange => ({
  status: 'QUEUED',
  upstreamId: reply.upstreamId,
  upstreamStatus: reply.upstreamStatus,
  submittedAt: moment.now,
  nextCheckAt: later(moment.now, moment.schedule.firstCheckMs),
  leasedUntil: null,
  failureCode: null,
  failureMessage: null,
  failureRetryAfterSeconds: null,
});

/** The change of a task whose process died during the submit; null unless SUBMITTING. */
export function afterProcessDeath(task: VideoTask, moment: Moment): TaskChange | null {
  if (task.status !== 'SUBMITTING') return null;
  // It was to be held back, so that no attempt was made.
  if (task.sendAttempt === 0) return afterHolding(task, { sendAttempt: 0, turn: null, reason: 'INTERRUPTED' }, moment);
  const message = 'The service stopped while the order was being sent, so it is not known whether it arrived.';
  return recorded(task, unconfirmed(message), 'RECOVERY', moment);
}

/**
 * The change of a task whose order was found in the vendor's console as `upstreamId`: it is tracked from now on. Null
 * unless UNCONFIRMED.
 */
export function afterConfirmation(task: VideoTask, upstreamId: string, moment: Moment): TaskChange | null {
  if (task.status !== 'UNCONFIRMED') return null;
  const asked = { nextCheckAt: moment.now, confirmedUpstreamId: upstreamId };
  const change = { ...accepted({ upstreamId, upstreamStatus: null }, moment), ...asked };
  return recorded(task, change, 'CONFIRM', moment);
}

/** The change of a task that is given up. It may still be billed. Null unless UNCONFIRMED. */
export function afterAbandonment(task: VideoTask, moment: Moment): TaskChange | null {
  if (task.status !== 'UNCONFIRMED') return null;
  return recorded(task, ended('FAILED', moment), 'ABANDON', moment);
}
