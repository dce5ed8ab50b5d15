import type { VideoTask } from './task.ts';
import type { NoAnswer, Topic } from './upstream.ts';

/** What a failure means for the client that ordered the video. */
interface FailureFacts {
  /** Whether the same order, sent again unchanged, may succeed. */
  readonly retryable: boolean;
  /** Whether the vendor may charge for the order. Refunds are not documented, so every accepted order may cost. */
  readonly mayBeBilled: boolean;
  readonly description: string;
}

/** All failures of a valid order. The enum of the schema, README's table and tests are derived from them. */
export const failures = {
  UPSTREAM_REFUSED: {
    retryable: false,
    mayBeBilled: false,
    description:
      'The upstream refused the order (HTTP 4xx), its content included, and said why; ordering the same again will be refused again.',
  },
  UPSTREAM_ACCESS_DENIED: {
    retryable: false,
    mayBeBilled: false,
    description: "The upstream refused this service's key (HTTP 401 or 403); the operator has to correct it.",
  },
  UPSTREAM_PAYMENT_REQUIRED: {
    retryable: false,
    mayBeBilled: false,
    description:
      'The upstream account behind this service is out of credit (HTTP 402, or 403 or 429 with such a reason); the operator has to top it up.',
  },
  UPSTREAM_RATE_LIMITED: {
    retryable: true,
    mayBeBilled: false,
    description: 'The upstream takes no more orders for the moment (HTTP 429); order again later.',
  },
  UPSTREAM_UNREACHABLE: {
    retryable: true,
    mayBeBilled: false,
    description:
      'The order was provably never sent: no connection to the upstream could be made, or the service was held up or stopped before. Order again later.',
  },
  SUBMITTING_PAUSED: {
    retryable: true,
    mayBeBilled: false,
    description: 'The order was not sent, because the operator has paused submitting. Order again later.',
  },
  WAIT_EXPIRED: {
    retryable: true,
    mayBeBilled: false,
    description:
      'The order waited until the time by which it had to be sent (`startBefore`) and was not sent. Order again later.',
  },
  IMAGES_NOT_KEPT: {
    retryable: false,
    mayBeBilled: false,
    description:
      'The order had to wait, and its uploaded or inline images are not kept any more, so that it was not sent. Order again with the images.',
  },
  SUBMISSION_UNCONFIRMED: {
    retryable: false,
    mayBeBilled: true,
    description:
      "The order was sent but its answer was lost (timeout, broken connection, HTTP 5xx, crash). The upstream may have accepted and billed it, so it is never sent again by itself: look it up in the vendor's console before you order again.",
  },
  CONTENT_REFUSED: {
    retryable: false,
    mayBeBilled: true,
    description:
      "The upstream accepted the order, and its content moderation then refused the prompt, an image or the video: in the task's status, or as the reason of three refused checks in a row (HTTP 4xx). Change the order.",
  },
  GENERATION_FAILED: {
    retryable: false,
    mayBeBilled: true,
    description: 'The upstream accepted the order but reported that it failed; the message carries its reason.',
  },
  CANCELLED_UPSTREAM: {
    retryable: false,
    mayBeBilled: true,
    description: 'The task was cancelled on the side of the upstream.',
  },
  RESULT_MISSING: {
    retryable: false,
    mayBeBilled: true,
    description: 'The upstream reported the video as completed in three checks in a row but gave no URL for it.',
  },
  UPSTREAM_TASK_NOT_FOUND: {
    retryable: false,
    mayBeBilled: true,
    description:
      'The upstream answered three checks in a row that it does not know the task (HTTP 404), or one that the task is gone (HTTP 410).',
  },
  TRACKING_EXPIRED: {
    retryable: false,
    mayBeBilled: true,
    description:
      'The task did not end within 24 hours of being accepted, after which its result could no longer be fetched.',
  },
} as const satisfies Record<string, FailureFacts>;

export type FailureCode = keyof typeof failures;

const failureOfTopic: Partial<Record<Topic, FailureCode>> = {
  CREDIT: 'UPSTREAM_PAYMENT_REQUIRED',
  RATE: 'UPSTREAM_RATE_LIMITED',
  // Not CONTENT_REFUSED, which may be billed: nothing was accepted.
  CONTENT: 'UPSTREAM_REFUSED',
};

const failureOfStatus: Record<number, FailureCode> = {
  401: 'UPSTREAM_ACCESS_DENIED',
  402: 'UPSTREAM_PAYMENT_REQUIRED',
  403: 'UPSTREAM_ACCESS_DENIED',
};

/** The failure that an unsuccessful submit means, by its kind, its HTTP status and the topic of its reason. */
export function failureOfSubmit({ kind, httpStatus = 0, topic }: NoAnswer): FailureCode {
  switch (kind) {
    case 'REFUSED':
      // HTTP 402 always means credit, and 401 means access unless its reason speaks of credit.
      if (httpStatus === 402 || (httpStatus === 401 && topic !== 'CREDIT')) return failureOfStatus[httpStatus]!;
      return (topic && failureOfTopic[topic]) ?? failureOfStatus[httpStatus] ?? 'UPSTREAM_REFUSED';
    case 'RATE_LIMITED':
      return topic === 'CREDIT' ? 'UPSTREAM_PAYMENT_REQUIRED' : 'UPSTREAM_RATE_LIMITED';
    case 'NEVER_SENT':
      return 'UPSTREAM_UNREACHABLE';
    case 'ANSWER_LOST':
      return 'SUBMISSION_UNCONFIRMED';
  }
}

/** Whether the order ended without being sent or accepted, so that it is not billed: it failed for free, or was cancelled. */
export const endedForFree = (task: VideoTask): boolean => failedForFree(task) || isCancelledByCaller(task);

/** Whether the caller cancelled the order before it was sent. A cancellation of the upstream's is a failure. */
export const isCancelledByCaller = ({ status, failureCode }: VideoTask): boolean =>
  status === 'CANCELLED' && failureCode === null;

/** Whether the upstream provably did not accept the order, so that it is not billed. */
export const failedForFree = ({ status, failureCode, upstreamId }: VideoTask): boolean =>
  status === 'FAILED' && failureCode !== null && !failures[failureCode].mayBeBilled && upstreamId === null;
