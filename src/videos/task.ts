import type { CheckReply, Observed, SubmitReply, UpstreamError } from '../upstream/replies.ts';
import { type FailureCode, failureOfSubmit } from './failures.ts';
import type { ModelName, Unit } from './models.ts';
import type { ReferenceImage } from './reference-image.ts';
import { pauseMs, type Schedule, trackingLimitMs, videoLifetimeMs } from './schedule.ts';

/** The states of a task: what each means, and whether it is the last one. */
export const taskStatuses = {
  SUBMITTING: { terminal: false, description: 'The order is being sent to the upstream.' },
  QUEUED: { terminal: false, description: 'The upstream has accepted the order and will begin.' },
  PROCESSING: { terminal: false, description: 'The upstream is making the video.' },
  COMPLETED: { terminal: true, description: 'The video is there. Terminal.' },
  FAILED: { terminal: true, description: 'There will be no video; `failure` says why. Terminal.' },
  CANCELLED: { terminal: true, description: 'The task was cancelled on the side of the upstream. Terminal.' },
  UNCONFIRMED: {
    terminal: false,
    description:
      'The order was sent but its answer was lost: it may have been accepted and billed, so it is never sent again by itself.',
  },
} as const;

export type TaskStatus = keyof typeof taskStatuses;

/** One ordered video: our record of it. */
export interface VideoTask {
  readonly id: string;
  /** Raised by every write; a write from an older version is refused. */
  readonly version: number;
  readonly model: ModelName;
  readonly prompt: string;
  readonly durationSeconds: number;
  readonly aspectRatio: string;
  readonly resolution: string;
  readonly referenceImages: readonly ReferenceImage[];
  readonly billingUnit: Unit;
  readonly billingUnits: number;
  readonly status: TaskStatus;
  readonly upstreamId: string | null;
  readonly upstreamStatus: string | null;
  readonly failureCode: FailureCode | null;
  readonly failureMessage: string | null;
  readonly videoUrl: string | null;
  readonly videoDurationSeconds: number | null;
  readonly createdAt: Date;
  readonly submittedAt: Date | null;
  readonly lastCheckedAt: Date | null;
  readonly nextCheckAt: Date | null;
  readonly completedAt: Date | null;
  readonly leasedUntil: Date | null;
  readonly notFoundCount: number;
}

/** What a change writes; id, order and version are not its to touch. */
export type TaskChange = Partial<
  Pick<
    VideoTask,
    | 'status'
    | 'upstreamId'
    | 'upstreamStatus'
    | 'failureCode'
    | 'failureMessage'
    | 'videoUrl'
    | 'videoDurationSeconds'
    | 'submittedAt'
    | 'lastCheckedAt'
    | 'nextCheckAt'
    | 'completedAt'
    | 'leasedUntil'
    | 'notFoundCount'
  >
>;

/** A finished task's video. */
export interface Video {
  /** Null once the link has expired. */
  readonly url: string | null;
  readonly state: 'AVAILABLE' | 'EXPIRED';
  readonly expiresAt: Date;
  readonly durationSeconds: number | null;
}

/** The video of a completed task as it stands at `now`; null where there is none. */
export function videoOf(task: VideoTask, now: Date): Video | null {
  if (task.videoUrl === null || task.completedAt === null) return null;
  const expiresAt = later(task.completedAt, videoLifetimeMs);
  const durationSeconds = task.videoDurationSeconds;
  if (now >= expiresAt) return { url: null, state: 'EXPIRED', expiresAt, durationSeconds };
  return { url: task.videoUrl, state: 'AVAILABLE', expiresAt, durationSeconds };
}

export const modeOf = ({ referenceImages }: VideoTask): 'TEXT_TO_VIDEO' | 'IMAGE_TO_VIDEO' =>
  referenceImages.length > 0 ? 'IMAGE_TO_VIDEO' : 'TEXT_TO_VIDEO';

/** Whether the task has ended for good: nothing changes it any more. */
export const isTerminal = ({ status }: Pick<VideoTask, 'status'>): boolean => taskStatuses[status].terminal;

/** When something happened, and by which schedule the task goes on. `jitter` is a random number below 1. */
export interface Moment {
  readonly now: Date;
  readonly schedule: Schedule;
  readonly jitter: number;
}

/** 404s in a row that make it final: a task just created may not be visible everywhere at once. */
const finalNotFoundCount = 3;

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

const unconfirmed = (failureMessage: string): TaskChange => ({
  status: 'UNCONFIRMED',
  failureCode: 'SUBMISSION_UNCONFIRMED',
  failureMessage,
  nextCheckAt: null,
  leasedUntil: null,
});

/**
 * What the submit's reply makes of the task; null where it can say nothing new. A reply that comes after the task was
 * given up as UNCONFIRMED still counts: it is the answer that was missed.
 */
export function afterSubmit(task: VideoTask, reply: SubmitReply, moment: Moment): TaskChange | null {
  if (task.status !== 'SUBMITTING' && task.status !== 'UNCONFIRMED') return null;
  if (reply.kind === 'ACCEPTED') {
    return {
      status: 'QUEUED',
      upstreamId: reply.upstreamId,
      upstreamStatus: reply.upstreamStatus,
      submittedAt: moment.now,
      nextCheckAt: later(moment.now, moment.schedule.firstCheckMs),
      leasedUntil: null,
      failureCode: null,
      failureMessage: null,
    };
  }
  if (reply.kind === 'ANSWER_LOST') return task.status === 'UNCONFIRMED' ? null : unconfirmed(reply.message);
  return failed(failureOfSubmit(reply), reply.message, moment);
}

/** What becomes of a task whose submit never reported back, because its process died. */
export function afterLostSubmit(task: VideoTask): TaskChange | null {
  if (task.status !== 'SUBMITTING') return null;
  return unconfirmed('The service stopped while the order was being sent, so it is not known whether it arrived.');
}

/** What a check's reply makes of the task; null where the task is not being tracked. */
export function afterCheck(task: VideoTask, reply: CheckReply, moment: Moment): TaskChange | null {
  if (task.status !== 'QUEUED' && task.status !== 'PROCESSING') return null;
  return reply.kind === 'OBSERVED' ? afterObservation(task, reply, moment) : afterFailedCheck(task, reply, moment);
}

function afterObservation(task: VideoTask, observed: Observed, moment: Moment): TaskChange {
  const seen = { upstreamStatus: observed.upstreamStatus, lastCheckedAt: moment.now, notFoundCount: 0 };
  const reason = observed.error ?? 'The upstream gave no reason.';
  switch (observed.status) {
    case 'COMPLETED': {
      if (observed.videoUrl === null) {
        return { ...seen, ...failed('RESULT_MISSING', 'The upstream completed the video but gave no URL.', moment) };
      }
      const video = { videoUrl: observed.videoUrl, videoDurationSeconds: observed.durationSeconds };
      return { ...seen, ...video, ...ended('COMPLETED', moment) };
    }
    case 'FAILED':
      return { ...seen, ...failed(observed.moderated ? 'CONTENT_REFUSED' : 'GENERATION_FAILED', reason, moment) };
    case 'CANCELLED': {
      const failure = { failureCode: 'CANCELLED_UPSTREAM', failureMessage: reason } as const;
      return { ...seen, ...failure, ...ended('CANCELLED', moment) };
    }
    default: {
      const status = observed.status === 'PROCESSING' ? 'PROCESSING' : task.status;
      return { status, ...trackedOn(task, moment), ...seen };
    }
  }
}

function afterFailedCheck(task: VideoTask, error: UpstreamError, moment: Moment): TaskChange {
  if (error.kind !== 'REFUSED' || error.httpStatus !== 404) return trackedOn(task, moment, error.retryAfterMs);
  const notFoundCount = task.notFoundCount + 1;
  const seen = { lastCheckedAt: moment.now, notFoundCount };
  if (notFoundCount < finalNotFoundCount) return { ...trackedOn(task, moment), ...seen };
  return { ...seen, ...failed('UPSTREAM_TASK_NOT_FOUND', error.message, moment) };
}

/** The task goes on as it is, until its result could no longer be fetched. */
function trackedOn(task: VideoTask, moment: Moment, retryAfterMs?: number): TaskChange {
  const ageMs = moment.now.getTime() - (task.submittedAt ?? task.createdAt).getTime();
  if (ageMs >= trackingLimitMs) {
    const message = `The task ${task.upstreamId} was still not finished 24 hours after the upstream accepted it.`;
    return failed('TRACKING_EXPIRED', message, moment);
  }
  const pause = pauseMs(moment.schedule, ageMs, moment.jitter, retryAfterMs);
  return { nextCheckAt: later(moment.now, pause), leasedUntil: null };
}
