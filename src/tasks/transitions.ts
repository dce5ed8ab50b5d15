import { createHash } from 'node:crypto';
import { hourMs, pauseMs, trackingLimitMs, unansweredLimitMs, videoLifetimeMs } from './check-schedule.ts';
import { type FailureCode, failureOfSubmit } from './failures.ts';
import { linkExpiry } from './link-expiry.ts';
import { later, type Moment } from './moment.ts';
import type { ChangeCause, HistoryEntry, TaskChange, TaskStatus, VideoTask } from './task.ts';
import type { Accepted, CheckReply, NoAnswer, Observed, SubmitReply } from './upstream.ts';

/**
 * How many equal answers in a row are believed, where one alone may be wrong: a task that is not found (a new one may
 * not be visible everywhere yet), refused content, a finished task without a link, and an answer under another id.
 */
const finalCount = 3;

/** Resets the count of equal answers. */
const unrepeated = { repeatedAnswer: null, repeatedAnswerCount: 0 };

/** Counts an answer: one more than before where the last one was equal, otherwise the first. */
const repeatedAs = (answer: string, task: VideoTask) => ({
  repeatedAnswer: answer,
  repeatedAnswerCount: task.repeatedAnswer === answer ? task.repeatedAnswerCount + 1 : 1,
});

const ended = (status: TaskStatus, { now }: Moment): TaskChange => ({
  status,
  completedAt: now,
  nextCheckAt: null,
  leasedUntil: null,
});

const failed = (failureCode: FailureCode, failureMessage: string, moment: Moment): TaskChange => ({
  ...ended('FAILED', moment),
  failureCode,
  failureMessage,
});

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

/**
 * How long a history may get before entries that change only the upstream's word are left out. A relay that writes its
 * progress into the word would otherwise fill the row. Changes of the status are few and are always recorded.
 */
const maxWordChanges = 100;

/** Adds the history entry to a change of the status or of the upstream's word. Other changes get no entry. */
function recorded(task: VideoTask, change: TaskChange, cause: ChangeCause, { now }: Pick<Moment, 'now'>): TaskChange {
  const { status = task.status, upstreamStatus = task.upstreamStatus, checkCount = task.checkCount } = change;
  if (status === task.status && upstreamStatus === task.upstreamStatus) return change;
  if (status === task.status && task.history.length >= maxWordChanges) {
    const { upstreamStatus: _, ...unseen } = change;
    return unseen;
  }
  return { ...change, history: historyWith(task, now, { to: status, cause, upstreamStatus, attempt: checkCount }) };
}

/**
 * The history with one more entry. An entry is never older than the one before it, although the clock may be set back or
 * be another machine's.
 */
function historyWith({ status: from, history }: VideoTask, now: Date, entry: Omit<HistoryEntry, 'from' | 'at'>) {
  const before = history.at(-1)?.at ?? '';
  const at = now.toISOString() > before ? now.toISOString() : before;
  return [...history, { from, at, ...entry }];
}

/**
 * The change of a completed task whose video has been stored, or will not be; null where that is recorded already, so
 * that recording it twice is harmless, and where the video was deleted meanwhile.
 */
export function afterStoring(task: VideoTask, storage: 'STORED' | 'FAILED', now: Date): TaskChange | null {
  if (task.status !== 'COMPLETED' || task.storage !== null) return null;
  const { status: to, upstreamStatus, checkCount: attempt } = task;
  return { storage, history: historyWith(task, now, { to, cause: 'STORE', upstreamStatus, attempt, storage }) };
}

/**
 * The change that the reply to a submit makes; null where it makes none. A reply still counts when the task was
 * recorded as UNCONFIRMED before it arrived, because it is the answer that was missing.
 */
export function afterSubmit(task: VideoTask, reply: SubmitReply, moment: Moment): TaskChange | null {
  if (task.status !== 'SUBMITTING' && task.status !== 'UNCONFIRMED') {
    // The task was abandoned before the reply arrived. Its upstream id is still recorded, because the order may be
    // billed.
    return reply.kind === 'ACCEPTED' && task.upstreamId === null ? { upstreamId: reply.upstreamId } : null;
  }
  if (reply.kind === 'ACCEPTED') return recorded(task, accepted(reply, moment), 'SUBMIT', moment);
  if (reply.kind !== 'ANSWER_LOST') {
    const change = { ...failed(failureOfSubmit(reply), reply.message, moment), ...retryAfter(reply) };
    return recorded(task, change, 'SUBMIT', moment);
  }
  if (task.status === 'UNCONFIRMED') return null;
  return recorded(task, { ...unconfirmed(reply.message), ...retryAfter(reply) }, 'SUBMIT', moment);
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

/** The change that the reply to a check makes; null where the task is not being tracked. */
export function afterCheck(task: VideoTask, reply: CheckReply, moment: Moment): TaskChange | null {
  if (task.status !== 'QUEUED' && task.status !== 'PROCESSING') return null;
  const change =
    reply.kind === 'OBSERVED' ? afterObservation(task, reply, moment) : afterFailedCheck(task, reply, moment);
  return recorded(task, { ...change, checkCount: task.checkCount + 1 }, 'CHECK', moment);
}

function afterObservation(task: VideoTask, observed: Observed, moment: Moment): TaskChange {
  const doubt = doubtOf(task, observed);
  const repeated = doubt === null ? unrepeated : repeatedAs(doubt, task);
  const final = doubt === null || repeated.repeatedAnswerCount >= finalCount;
  // An answer under another id may be about another task, so nothing of it is recorded until it is final.
  if (!final && observed.otherIds.length > 0) return { ...trackedOn(task, moment), ...repeated };
  const seen = { upstreamStatus: observed.upstreamStatus, lastCheckedAt: moment.now, ...repeated };
  return { ...(final ? outcomeOf(task, observed, moment) : trackedOn(task, moment)), ...seen };
}

/**
 * Why an observation is believed only after equal ones; null where it is believed at once. Equal observations have
 * equal texts.
 */
function doubtOf(task: VideoTask, { status, otherIds, videoUrl }: Observed): string | null {
  if (otherIds.length > 0) {
    // A digest instead of the ids, because ids may contain the upstream's key, which must not be stored.
    const digest = createHash('sha256').update(JSON.stringify(otherIds)).digest('hex');
    return `OTHER_ID ${status} ${digest.slice(0, 16)}`;
  }
  return status === 'COMPLETED' && (videoUrl ?? task.videoUrl) === null ? 'RESULT_MISSING' : null;
}

function outcomeOf(task: VideoTask, observed: Observed, moment: Moment): TaskChange {
  const reason = observed.error ?? 'The upstream gave no reason.';
  switch (observed.status) {
    case 'COMPLETED':
      // A link that came while the task was still reported as running is better than none.
      return finished(observed.videoUrl ?? task.videoUrl, observed, moment);
    case 'UNKNOWN':
      return observed.videoUrl === null ? trackedOn(task, moment) : finished(observed.videoUrl, observed, moment);
    case 'FAILED':
      return failed(observed.moderated ? 'CONTENT_REFUSED' : 'GENERATION_FAILED', reason, moment);
    case 'CANCELLED':
      return { failureCode: 'CANCELLED_UPSTREAM', failureMessage: reason, ...ended('CANCELLED', moment) };
    default: {
      const status = observed.status === 'PROCESSING' ? 'PROCESSING' : task.status;
      const provisional = observed.videoUrl !== null && observed.videoUrl !== task.videoUrl;
      return { status, ...(provisional && { videoUrl: observed.videoUrl }), ...trackedOn(task, moment) };
    }
  }
}

function finished(videoUrl: string | null, { durationSeconds, error }: Observed, moment: Moment): TaskChange {
  if (videoUrl === null) {
    const message = 'The upstream completed the video but gave no URL';
    return failed('RESULT_MISSING', error === null ? `${message}.` : `${message}: ${error}`, moment);
  }
  const lifetimeEnd = later(moment.now, videoLifetimeMs);
  const linkEnd = linkExpiry(videoUrl, moment.now);
  const videoExpiresAt = linkEnd !== null && linkEnd < lifetimeEnd ? linkEnd : lifetimeEnd;
  const storeDueAt = moment.storing ? moment.now : null;
  return { videoUrl, videoExpiresAt, storeDueAt, videoDurationSeconds: durationSeconds, ...ended('COMPLETED', moment) };
}

/**
 * The failure that a refused check means, and how many equal answers it takes; null where the refusal is not about the
 * task.
 */
function refusalOf({ kind, httpStatus, topic }: NoAnswer): { code: FailureCode; count: number } | null {
  if (kind !== 'REFUSED') return null;
  if (httpStatus === 410) return { code: 'UPSTREAM_TASK_NOT_FOUND', count: 1 };
  if (httpStatus === 404) return { code: 'UPSTREAM_TASK_NOT_FOUND', count: finalCount };
  return topic === 'CONTENT' && httpStatus !== 401 ? { code: 'CONTENT_REFUSED', count: finalCount } : null;
}

function afterFailedCheck(task: VideoTask, error: NoAnswer, moment: Moment): TaskChange {
  const refusal = refusalOf(error);
  if (refusal === null) {
    return trackedOn(task, moment, { limitMs: unansweredLimitMs, retryAfterMs: error.retryAfterMs });
  }
  const repeated = repeatedAs(refusal.code, task);
  const seen = { lastCheckedAt: moment.now, ...repeated };
  if (repeated.repeatedAnswerCount < refusal.count) return { ...trackedOn(task, moment), ...seen };
  return { ...seen, ...failed(refusal.code, error.message, moment) };
}

/** Schedules the next check, or fails the task as expired when it is older than `limitMs`. */
function trackedOn(
  task: VideoTask,
  moment: Moment,
  { limitMs = trackingLimitMs, retryAfterMs }: { limitMs?: number; retryAfterMs?: number | undefined } = {},
): TaskChange {
  const ageMs = moment.now.getTime() - (task.submittedAt ?? task.createdAt).getTime();
  if (ageMs >= limitMs) {
    const hours = Math.floor(ageMs / hourMs);
    const message = `The task ${moment.redact(task.upstreamId ?? '')} was not known to be finished ${hours} hours after it was accepted.`;
    return failed('TRACKING_EXPIRED', message, moment);
  }
  const pause = Math.max(pauseMs(moment.schedule, ageMs, moment.jitter, retryAfterMs), moment.minPauseMs ?? 0);
  return { nextCheckAt: later(moment.now, pause), leasedUntil: null };
}
