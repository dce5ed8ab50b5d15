import type { VideoRequest } from '../catalogue/video-request.ts';

/** What a reason is about, where it can be told. */
export type Topic =
  /** The content of the prompt, of an image or of the video was refused. */
  | 'CONTENT'
  /** The upstream's account is out of credit. */
  | 'CREDIT'
  /** Too much is asked at the moment. */
  | 'RATE'
  /** The key, or what it may do. */
  | 'ACCESS';

/** What became of a request to the upstream that brought no usable answer. */
export type UpstreamErrorKind =
  /** The upstream understood and declined (HTTP 4xx): nothing was accepted. */
  | 'REFUSED'
  /** HTTP 429: nothing was accepted, and we are to wait. */
  | 'RATE_LIMITED'
  /** The order's body was not begun to be sent, because no connection was made: which the HTTP client proves by never having asked for it. */
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

/** Finds the key of the upstream's account in what the upstream says, in any form in which it may be written there. */
export interface KeyFinder {
  holdsKey(text: string): boolean;
  /** The text with the key blotted out. */
  redact(text: string): string;
}

/**
 * PORT: the REST API. What is shown or logged of its ids and links has to go through `redact` or `holdsKey`.
 *
 * Faults are returned, never thrown: each is an outcome to be recorded.
 */
export interface Upstream extends KeyFinder {
  /** Orders the video: the one paid call, sent at most once. */
  submit(request: VideoRequest, signal: AbortSignal): Promise<SubmitReply>;
  /** Asks once how a task is doing. It is not asked again by itself, because the tracker comes round again. */
  check(upstreamId: string, signal: AbortSignal): Promise<CheckReply>;
}
