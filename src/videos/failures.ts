import type { NoAnswer } from '../upstream/replies.ts';

/** What a failure means for whoever ordered the video. */
interface FailureFacts {
  /** Whether ordering the same again may succeed without anybody changing anything. */
  readonly retryable: boolean;
  /** Whether the vendor may charge for the order. Refunds are not documented, so every accepted order may cost. */
  readonly mayBeBilled: boolean;
  readonly description: string;
}

/** Everything that can go wrong with a valid order; the schema's enum and the tests are computed from it. */
export const failures = {
  UPSTREAM_REFUSED: {
    retryable: false,
    mayBeBilled: false,
    description:
      'The upstream refused the order (HTTP 4xx) and said why; ordering the same again will be refused again.',
  },
  UPSTREAM_ACCESS_DENIED: {
    retryable: false,
    mayBeBilled: false,
    description: "The upstream refused this service's key (HTTP 401 or 403); the operator has to correct it.",
  },
  UPSTREAM_PAYMENT_REQUIRED: {
    retryable: false,
    mayBeBilled: false,
    description: 'The upstream account behind this service is out of credit (HTTP 402); the operator has to top it up.',
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
  SUBMISSION_UNCONFIRMED: {
    retryable: false,
    mayBeBilled: true,
    description:
      "The order was sent but its answer was lost (timeout, broken connection, HTTP 5xx, crash). The upstream may have accepted and billed it, so it is never sent again by itself: look it up in the vendor's console before you order again.",
  },
  CONTENT_REFUSED: {
    retryable: false,
    mayBeBilled: true,
    description: "The upstream's content moderation refused the prompt, an image or the video; change the order.",
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
    description: 'The upstream reported the video as completed but gave no URL for it.',
  },
  UPSTREAM_TASK_NOT_FOUND: {
    retryable: false,
    mayBeBilled: true,
    description: 'The upstream answered three checks in a row that it does not know the task (HTTP 404).',
  },
  TRACKING_EXPIRED: {
    retryable: false,
    mayBeBilled: true,
    description:
      'The task did not end within 24 hours of being accepted, after which its result could no longer be fetched.',
  },
} as const satisfies Record<string, FailureFacts>;

export type FailureCode = keyof typeof failures;

const refusals: Record<number, FailureCode> = {
  401: 'UPSTREAM_ACCESS_DENIED',
  402: 'UPSTREAM_PAYMENT_REQUIRED',
  403: 'UPSTREAM_ACCESS_DENIED',
};

/** What an unsuccessful submit means, by what became of the request. */
export function failureOfSubmit({ kind, httpStatus }: NoAnswer): FailureCode {
  switch (kind) {
    case 'REFUSED':
      return refusals[httpStatus ?? 0] ?? 'UPSTREAM_REFUSED';
    case 'RATE_LIMITED':
      return 'UPSTREAM_RATE_LIMITED';
    case 'NEVER_SENT':
      return 'UPSTREAM_UNREACHABLE';
    case 'ANSWER_LOST':
      return 'SUBMISSION_UNCONFIRMED';
  }
}
