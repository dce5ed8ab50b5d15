import { createHash } from 'node:crypto';
import { hourMs, pauseMs, trackingLimitMs, unansweredLimitMs, videoLifetimeMs } from './check-schedule.ts';
import { type FailureCode, failureOfSubmit } from './failures.ts';
import { linkExpiry } from './link-expiry.ts';
import type { Moment } from './moment.ts';
import type { ChangeCause, TaskChange, TaskStatus, VideoTask } from './task.ts';
import type { Accepted, CheckReply, NoAnswer, Observed, SubmitReply } from './upstream.ts';

/**
 * So many answers in a row make final what one alone may be mistaken in: that there is no such task (one just created may
 * not be visible everywhere at once), that its content is refused, that it is finished without a link, and all that a
 * relay says under another id.
 */
const finalCount = 3;

/** No answer of the kind that ends a task only when it is repeated. */
const unrepeated = { repeatedAnswer: null, repeatedAnswerCount: 0 };

/** The answer is one more of its kind, or the first. */
const repeatedAs = (answer: string, task: VideoTask) => ({
  repeatedAnswer: answer,
  repeatedAnswerCount: task.repeatedAnswer === answer ? task.repeatedAnswerCount + 1 : 1,
});

const later = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

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

/** A longer wait than this is not passed on. */
const maxRetryAfterSeconds = 24 * 60 * 60;

/** When the upstream takes orders again, as far as it has said so. */
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
 * So many entries a history has room for where only the upstream's word changes. A relay that puts its progress into the
 * word would fill the row; changes of the status are few, and always have room.
 */
const maxWordChanges = 100;

/** The change together with its entry in the history, where it is one that can be seen. */
function recorded(task: VideoTask, change: TaskChange, cause: ChangeCause, { now }: Pick<Moment, 'now'>): TaskChange {
  const { status = task.status, upstreamStatus = task.upstreamStatus, checkCount = task.checkCount } = change;
  if (status === task.status && upstreamStatus === task.upstreamStatus) return change;
  if (status === task.status && task.history.length >= maxWordChanges) {
    const { upstreamStatus: _, ...unseen } = change;
    return unseen;
  }
  // The clock may have been set back, or be another instance's.
  const before = task.history.at(-1)?.at ?? '';
  const at = now.toISOString() > before ? now.toISOString() : before;
  const entry = { from: task.status, to: status, at, cause, upstreamStatus, attempt: checkCount };
  return { ...change, history: [...task.history, entry] };
}

/**
 * What the submit's reply makes of the task; null where it can say nothing new. A reply that comes after the task was
 * given up as UNCONFIRMED still counts: it is the answer that was missed.
 */
export function afterSubmit(task: VideoTask, reply: SubmitReply, moment: Moment): TaskChange | null {
  if (task.status !== 'SUBMITTING' && task.status !== 'UNCONFIRMED') {
    // Given up by its owner meanwhile; what may be billed should still be known by its name.
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

/** What becomes of a task whose submit never reported back, because its process died. */
export function afterLostSubmit(task: VideoTask, moment: Moment): TaskChange | null {
  if (task.status !== 'SUBMITTING') return null;
  const message = 'The service stopped while the order was being sent, so it is not known whether it arrived.';
  return recorded(task, unconfirmed(message), 'RECOVERY', moment);
}

/** The order was found with the vendor as `upstreamId`: the task is followed from now on. Null unless UNCONFIRMED. */
export function afterConfirmation(task: VideoTask, upstreamId: string, moment: Moment): TaskChange | null {
  if (task.status !== 'UNCONFIRMED') return null;
  const asked = { nextCheckAt: moment.now, confirmedUpstreamId: upstreamId };
  const change = { ...accepted({ upstreamId, upstreamStatus: null }, moment), ...asked };
  return recorded(task, change, 'CONFIRM', moment);
}

/** Nobody waits for the order any longer; it may still be billed. Null unless UNCONFIRMED. */
export function afterAbandonment(task: VideoTask, moment: Moment): TaskChange | null {
  if (task.status !== 'UNCONFIRMED') return null;
  return recorded(task, ended('FAILED', moment), 'ABANDON', moment);
}

/** What a check's reply makes of the task; null where the task is not being tracked. */
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
  // What is said under another id may be about another task.
  if (!final && observed.otherIds.length > 0) return { ...trackedOn(task, moment), ...repeated };
  const seen = { upstreamStatus: observed.upstreamStatus, lastCheckedAt: moment.now, ...repeated };
  return { ...(final ? outcomeOf(task, observed, moment) : trackedOn(task, moment)), ...seen };
}

/** What keeps an observation from being believed the first time; null where nothing does. */
function doubtOf(task: VideoTask, { status, otherIds, videoUrl }: Observed): string | null {
  if (otherIds.length > 0) {
    // Not the ids themselves, which may hold what no other column may.
    const digest = createHash('sha256').update(JSON.stringify(otherIds)).digest('hex');
    return `OTHER_ID ${status} ${digest.slice(0, 16)}`;
  }
  return status === 'COMPLETED' && (videoUrl ?? task.videoUrl) === null ? 'RESULT_MISSING' : null;
}

function outcomeOf(task: VideoTask, observed: Observed, moment: Moment): TaskChange {
  const reason = observed.error ?? 'The upstream gave no reason.';
  switch (observed.status) {
    case 'COMPLETED':
      // The link of a time when it still called the task running is better than none.
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
  return { videoUrl, videoExpiresAt, videoDurationSeconds: durationSeconds, ...ended('COMPLETED', moment) };
}

/** Which failure a refused check speaks of, and how often it has to be said; null where it says nothing of the task. */
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

/** The task goes on as it is, until its result could no longer be fetched. */
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
