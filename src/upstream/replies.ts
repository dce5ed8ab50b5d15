import type { Topic } from './topics.ts';

/** What became of a request to the upstream that brought no usable answer. */
export type UpstreamErrorKind =
  /** The upstream understood and declined (HTTP 4xx): nothing was accepted. */
  | 'REFUSED'
  /** HTTP 429: nothing was accepted, and we are to wait. */
  | 'RATE_LIMITED'
  /** The order's body was not begun to be sent, because no connection was made: see `faults.ts`. */
  | 'NEVER_SENT'
  /** Sent, but the answer did not come or cannot be read (timeout, reset, 5xx, broken body): anything may be true. */
  | 'ANSWER_LOST';

/** That there is no usable answer, and why. */
export interface NoAnswer {
  readonly kind: UpstreamErrorKind;
  readonly message: string;
  readonly httpStatus?: number | undefined;
  /** What the upstream asked for by Retry-After, or in the body. */
  readonly retryAfterMs?: number | undefined;
  /** What the reason is about, where it can be told. */
  readonly topic?: Topic | null;
}

/** A request to the upstream without a usable answer. It is returned, not thrown: it is an outcome to be recorded. */
export class UpstreamError extends Error implements NoAnswer {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly topic: Topic | null;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    details: Omit<NoAnswer, 'kind' | 'message'> & { readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.httpStatus = details.httpStatus;
    this.retryAfterMs = details.retryAfterMs;
    this.topic = details.topic ?? null;
  }
}

/** The upstream took the order. */
export interface Accepted {
  readonly kind: 'ACCEPTED';
  readonly upstreamId: string;
  readonly upstreamStatus: string | null;
}

/** What a check saw. */
export interface Observed {
  readonly kind: 'OBSERVED';
  readonly status: 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'UNKNOWN';
  /** The upstream's own word for it. */
  readonly upstreamStatus: string | null;
  /** A usable link; of an unknown word only one that can be nothing else than the video's. */
  readonly videoUrl: string | null;
  readonly durationSeconds: number | null;
  /** The upstream's own text about a failure. */
  readonly error: string | null;
  /** Whether it is a refusal of the content. */
  readonly moderated: boolean;
  /** The ids by which the reply names another task than the one that was asked about; none where it does not. */
  readonly otherIds: readonly string[];
}

export type SubmitReply = Accepted | NoAnswer;
export type CheckReply = Observed | NoAnswer;
