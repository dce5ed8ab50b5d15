import { createHash } from 'node:crypto';
import { ended, failed, historyWith, recorded } from './changes.ts';
import { hourMs, pauseMs, trackingLimitMs, unansweredLimitMs, videoLifetimeMs } from './check-schedule.ts';
import type { FailureCode } from './failures.ts';
import { linkExpiry } from './link-expiry.ts';
import { later, type Moment } from './moment.ts';
import type { TaskChange, VideoTask } from './task.ts';
import type { CheckReply, NoAnswer, Observed } from './upstream.ts';

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

/**
 * The change of a completed task whose video has been stored, or will not be; null where that is recorded already, so
 * that recording it twice is harmless, and where the video was deleted meanwhile.
 */
export function afterStoring(task: VideoTask, storage: 'STORED' | 'FAILED', now: Date): TaskChange | null {
  if (task.status !== 'COMPLETED' || task.storage !== null) return null;
  const { status: to, upstreamStatus, checkCount: attempt } = task;
  return { storage, history: historyWith(task, now, { to, cause: 'STORE', upstreamStatus, attempt, storage }) };
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
