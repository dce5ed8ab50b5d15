import type { ModelName, Unit } from '../catalogue/models.ts';
import { videoLifetimeMs } from './check-schedule.ts';
import type { FailureCode } from './failures.ts';

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

/** What a video is made from. */
export type VideoMode = 'TEXT_TO_VIDEO' | 'IMAGE_TO_VIDEO';

/** What was ordered, and by which names it is known. Its reference images are read by themselves. */
interface TaskOrder {
  readonly id: string;
  /** Whose it is. */
  readonly client: string;
  readonly model: ModelName;
  readonly prompt: string;
  readonly durationSeconds: number;
  readonly aspectRatio: string;
  readonly resolution: string;
  readonly mode: VideoMode;
  readonly billingUnit: Unit;
  readonly billingUnits: number;
  readonly createdAt: Date;
  readonly orderHash: string | null;
  readonly resubmissionOfId: string | null;
}

/** How far it has come. */
export interface TaskProgress {
  readonly status: TaskStatus;
  readonly upstreamId: string | null;
  /** The upstream's id, where somebody has said it; no two tasks can be given the same. */
  readonly confirmedUpstreamId: string | null;
  readonly upstreamStatus: string | null;
  readonly failureCode: FailureCode | null;
  readonly failureMessage: string | null;
  /** After how many seconds the upstream said that the order may be sent again. */
  readonly failureRetryAfterSeconds: number | null;
  /** The link of the finished video; before that, one that the upstream gave while it still called the task running. */
  readonly videoUrl: string | null;
  /** When the link stops working; null for a task that was finished before this was kept. */
  readonly videoExpiresAt: Date | null;
  readonly videoDurationSeconds: number | null;
  readonly submittedAt: Date | null;
  readonly lastCheckedAt: Date | null;
  readonly nextCheckAt: Date | null;
  readonly completedAt: Date | null;
  readonly leasedUntil: Date | null;
  readonly checkCount: number;
  /**
   * What the upstream's last answers said, all of them the same, where that ends the task only once it was said several
   * times in a row; null where the last answer was none of that kind. `repeatedAnswerCount` answers in a row have said it.
   */
  readonly repeatedAnswer: string | null;
  readonly repeatedAnswerCount: number;
  readonly history: readonly HistoryEntry[];
  /** Null once it has expired; only a trace of it once the next order has taken it over. */
  readonly idempotencyKey: string | null;
}

/** One ordered video: our record of it. */
export interface VideoTask extends TaskOrder, TaskProgress {
  /** Raised by every write; a write from an older version is refused. */
  readonly version: number;
}

/** What a change writes. */
export type TaskChange = Partial<TaskProgress>;

/** What can change a task. */
export const changeCauses = {
  SUBMIT: "The upstream's answer to the order, or that there was none.",
  CHECK: 'What a check of the task brought.',
  RECOVERY: 'The process that had sent the order was gone before it could record an answer.',
  CONFIRM: 'Somebody found the order with the vendor: `confirmVideoTask`.',
  ABANDON: 'Somebody gave the order up: `abandonVideoTask`.',
} as const;

export type ChangeCause = keyof typeof changeCauses;

/** One change of a task, as it was seen. */
export type HistoryEntry = {
  readonly from: TaskStatus;
  readonly to: TaskStatus;
  /** RFC 3339; it is kept as JSON. */
  readonly at: string;
  readonly cause: ChangeCause;
  readonly upstreamStatus: string | null;
  /** How many checks had been made by then. */
  readonly attempt: number;
};

/** A finished task's video. */
export interface Video {
  /** Null where it cannot be fetched any more, or not be shown. */
  readonly url: string | null;
  readonly state: 'AVAILABLE' | 'EXPIRED' | 'WITHHELD';
  readonly expiresAt: Date;
  readonly durationSeconds: number | null;
}

/** The video of a completed task as it stands at `now`; null where there is none. `holdsKey` says what is not shown. */
export function videoOf(task: VideoTask, now: Date, holdsKey: (text: string) => boolean): Video | null {
  if (task.status !== 'COMPLETED' || task.videoUrl === null || task.completedAt === null) return null;
  const expiresAt = task.videoExpiresAt ?? new Date(task.completedAt.getTime() + videoLifetimeMs);
  const durationSeconds = task.videoDurationSeconds;
  if (now >= expiresAt) return { url: null, state: 'EXPIRED', expiresAt, durationSeconds };
  if (holdsKey(task.videoUrl)) return { url: null, state: 'WITHHELD', expiresAt, durationSeconds };
  return { url: task.videoUrl, state: 'AVAILABLE', expiresAt, durationSeconds };
}

/** Whether the task has ended for good: nothing changes it any more. */
export const isTerminal = ({ status }: Pick<VideoTask, 'status'>): boolean => taskStatuses[status].terminal;
