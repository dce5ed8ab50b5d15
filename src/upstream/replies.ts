/** What became of a request to the upstream that brought no usable answer. */
export type UpstreamErrorKind =
  /** The upstream understood and declined (HTTP 4xx): nothing was accepted. */
  | 'REFUSED'
  /** HTTP 429: nothing was accepted, and we are to wait. */
  | 'RATE_LIMITED'
  /** No connection was made (DNS, refused, TLS): not a byte of the request was sent. */
  | 'NEVER_SENT'
  /** Sent, but the answer did not come or cannot be read (timeout, reset, 5xx, broken body): anything may be true. */
  | 'ANSWER_LOST';

/** That there is no usable answer, and why. */
export interface NoAnswer {
  readonly kind: UpstreamErrorKind;
  readonly message: string;
  readonly httpStatus?: number | undefined;
  /** What the upstream asked for by Retry-After. */
  readonly retryAfterMs?: number | undefined;
}

/** A request to the upstream without a usable answer. It is returned, not thrown: it is an outcome to be recorded. */
export class UpstreamError extends Error implements NoAnswer {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    details: { httpStatus?: number | undefined; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.httpStatus = details.httpStatus;
    this.retryAfterMs = details.retryAfterMs;
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
  readonly videoUrl: string | null;
  readonly durationSeconds: number | null;
  /** The upstream's own text about a failure. */
  readonly error: string | null;
  /** Whether that text speaks of content moderation. */
  readonly moderated: boolean;
}

export type SubmitReply = Accepted | NoAnswer;
export type CheckReply = Observed | NoAnswer;
