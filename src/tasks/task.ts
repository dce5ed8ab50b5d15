import type { ModelName, Unit } from '../catalogue/models.ts';
import type { FailureCode } from './failures.ts';
import type { WaitReason, WhenBusy } from './wait-reasons.ts';

/** The states of a task. A terminal state is never left. */
export const taskStatuses = {
  WAITING: {
    terminal: false,
    description: 'The order is recorded and not sent yet; `waiting` says why. It may be cancelled.',
  },
  SUBMITTING: { terminal: false, description: 'The order is being sent to the upstream.' },
  QUEUED: { terminal: false, description: 'The upstream has accepted the order and will begin.' },
  PROCESSING: { terminal: false, description: 'The upstream is making the video.' },
  COMPLETED: { terminal: true, description: 'The video is there. Terminal.' },
  FAILED: { terminal: true, description: 'There will be no video; `failure` says why. Terminal.' },
  CANCELLED: {
    terminal: true,
    description:
      'The task was cancelled: by the caller, before its order was sent, or on the side of the upstream. Terminal.',
  },
  UNCONFIRMED: {
    terminal: false,
    description:
      'The order was sent but its answer was lost: it may have been accepted and billed, so it is never sent again by itself.',
  },
} as const;

export type TaskStatus = keyof typeof taskStatuses;

/** What a video is made from. */
export type VideoMode = 'TEXT_TO_VIDEO' | 'IMAGE_TO_VIDEO';

/** What was ordered. Its reference images are not part of it, because they are read by themselves. */
interface TaskOrder {
  readonly id: string;
  /** The client that ordered the task and may see it. */
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
  /** What happens to the order where it cannot be sent at once. */
  readonly whenBusy: WhenBusy;
  /** From then on the order is not sent any more; null for an order that never waits. */
  readonly startBefore: Date | null;
  /** How many tasks the client might have open when it ordered; null for no limit. */
  readonly maxOpen: number | null;
}

/** How far the task has come. Only these fields change after its creation. */
export interface TaskProgress {
  readonly status: TaskStatus;
  /** The place of a waiting order among all that wait: the lowest is sent next. Null in all other states. */
  readonly turn: number | null;
  /** Why the order waits, or why it waited last. */
  readonly waitsFor: WaitReason | null;
  /**
   * The number of the present or last attempt to send the order; 0 before the first, and where none may be made. A reply belongs to one attempt, and
   * says nothing about a later one.
   */
  readonly sendAttempt: number;
  /** How often the upstream has answered the order with a refusal after which it is sent again. */
  readonly refusalCount: number;
  /** When the upstream last refused to take the order from this account. */
  readonly refusedAt: Date | null;
  /** The name of the upstream's account under which the order is sent; null in rows of old versions. */
  readonly account: string | null;
  readonly upstreamId: string | null;
  /** The upstream's id where the operator confirmed it. It is unique among all tasks. */
  readonly confirmedUpstreamId: string | null;
  readonly upstreamStatus: string | null;
  readonly failureCode: FailureCode | null;
  readonly failureMessage: string | null;
  /** The Retry-After of a failed submit, in seconds. */
  readonly failureRetryAfterSeconds: number | null;
  /**
   * The link of the finished video. Before that, a link that the upstream gave while it still reported the task as
   * running.
   */
  readonly videoUrl: string | null;
  /** When the link expires. Null in old rows, which were finished before this column existed. */
  readonly videoExpiresAt: Date | null;
  readonly videoDurationSeconds: number | null;
  readonly submittedAt: Date | null;
  readonly lastCheckedAt: Date | null;
  readonly nextCheckAt: Date | null;
  readonly completedAt: Date | null;
  readonly leasedUntil: Date | null;
  readonly checkCount: number;
  /**
   * What the last answers said, where that ends the task only after several equal answers in a row; null where the last
   * answer was of another kind. `repeatedAnswerCount` counts the equal answers.
   */
  readonly repeatedAnswer: string | null;
  readonly repeatedAnswerCount: number;
  readonly history: readonly HistoryEntry[];
  /** When the finished video was handed to the storing of files; null once that has taken it over. */
  readonly storeDueAt: Date | null;
  /** What became of storing the video; null before its end, and where nothing is stored. */
  readonly storage: Storage | null;
  /**
   * Null once the key has expired. When a later order has taken the key over, this holds the key with a space appended
   * (`orders/key-spelling.ts`).
   */
  readonly idempotencyKey: string | null;
}

/** What became of storing a finished video. */
export type Storage = 'STORED' | 'FAILED' | 'DELETED';

/** The record of one ordered video. */
export interface VideoTask extends TaskOrder, TaskProgress {
  /** Each write increments it. A write that expects another version is refused. */
  readonly version: number;
}

/** The columns that a change writes. */
export type TaskChange = Partial<TaskProgress>;

/** The causes of a change. */
export const changeCauses = {
  SUBMIT: "The upstream's answer to the order, or that there was none.",
  CHECK: "The upstream's answer to a check of the task.",
  RECOVERY: 'The process that sent the order ended before it could record an answer.',
  CONFIRM: "The operator found the order in the vendor's console: `confirmVideoTask`.",
  ABANDON: 'The client or the operator gave the order up: `abandonVideoTask`.',
  TURN: 'The order had waited, and it was its turn to be sent.',
  HOLD: 'The order was held back before it was sent: by a limit, a pause, or because the service stopped.',
  CANCEL: 'The caller cancelled the order before it was sent: `cancelVideoTask`.',
  DEADLINE: 'The time by which the order had to be sent is over.',
  STORE: 'The service has stored the finished video, or given up storing it. The status stays COMPLETED.',
} as const;

export type ChangeCause = keyof typeof changeCauses;

/** One change of a task. */
export type HistoryEntry = {
  readonly from: TaskStatus;
  readonly to: TaskStatus;
  /** RFC 3339, because the history is stored as JSON. */
  readonly at: string;
  readonly cause: ChangeCause;
  readonly upstreamStatus: string | null;
  /** How many checks had been made when it changed. */
  readonly attempt: number;
  /** What became of storing the video; only in entries with the cause STORE. */
  readonly storage?: Storage;
};

/** Whether the task has ended and will not change any more. */
export const isTerminal = ({ status }: Pick<VideoTask, 'status'>): boolean => taskStatuses[status].terminal;
