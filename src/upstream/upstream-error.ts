import type { NoAnswer, Topic, UpstreamErrorKind } from '../tasks/upstream.ts';

/**
 * A request to the upstream without a usable answer. It is returned, not thrown, because it is an outcome to be
 * recorded.
 */
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
