import type { SentRequest } from '../catalogue/video-request.ts';

/** What the reason of a failure is about. */
export type Topic =
  /** The content of the prompt, of an image or of the video was refused. */
  | 'CONTENT'
  /** The upstream's account is out of credit. */
  | 'CREDIT'
  /** There are too many requests at the moment. */
  | 'RATE'
  /** The key is wrong, or lacks a right. */
  | 'ACCESS';

/** The outcome of a request to the upstream without a usable answer. */
export type UpstreamErrorKind =
  /** The upstream refused the request (HTTP 4xx): nothing was accepted. */
  | 'REFUSED'
  /** HTTP 429: nothing was accepted; the service has to wait. */
  | 'RATE_LIMITED'
  /**
   * No byte of the order was sent, because no connection was made. The proof is that the HTTP client never read the
   * body.
   */
  | 'NEVER_SENT'
  /**
   * The request was sent, but its answer is missing or unreadable (timeout, reset, 5xx, broken body), so the upstream
   * may or may not have acted on it.
   */
  | 'ANSWER_LOST';

/** A request without a usable answer, and the reason. */
export interface NoAnswer {
  readonly kind: UpstreamErrorKind;
  readonly message: string;
  readonly httpStatus?: number | undefined;
  /** The wait that the upstream asked for, in the Retry-After header or in the body. */
  readonly retryAfterMs?: number | undefined;
  /** The topic of the reason, where the text reveals it. */
  readonly topic?: Topic | null;
}

/** The upstream accepted the order. */
export interface Accepted {
  readonly kind: 'ACCEPTED';
  readonly upstreamId: string;
  readonly upstreamStatus: string | null;
}

/** What the upstream said about a task. */
export interface Observed {
  readonly kind: 'OBSERVED';
  readonly status: 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'UNKNOWN';
  /** The upstream's own word for the status. */
  readonly upstreamStatus: string | null;
  /** A usable link. Beside an unknown status only a link that can be nothing but the video's. */
  readonly videoUrl: string | null;
  readonly durationSeconds: number | null;
  /** The upstream's own text about a failure. */
  readonly error: string | null;
  /** Whether the content was refused. */
  readonly moderated: boolean;
  /** The ids of a reply that names another task instead of the one that was asked about; empty otherwise. */
  readonly otherIds: readonly string[];
}

export type SubmitReply = Accepted | NoAnswer;
export type CheckReply = Observed | NoAnswer;

/** Finds the key of the upstream's account in texts of the upstream, in every spelling in which it may occur. */
export interface KeyFinder {
  holdsKey(text: string): boolean;
  /** The text with `[redacted]` in the place of the key. */
  redact(text: string): string;
}

/**
 * PORT: the REST API. Ids and links in its replies must pass through `redact` or `holdsKey` before they are shown or
 * logged.
 *
 * Failures are returned, never thrown, because each is an outcome to be recorded.
 */
export interface Upstream extends KeyFinder {
  /** Orders the video. This is the paid call; it is sent at most once. */
  submit(request: SentRequest, signal: AbortSignal): Promise<SubmitReply>;
  /** Asks once about a task. It does not retry, because the tracker checks the task again anyway. */
  check(upstreamId: string, signal: AbortSignal): Promise<CheckReply>;
}
