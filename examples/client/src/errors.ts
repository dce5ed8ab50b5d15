import { ClientError } from 'graphql-request';
import type { FailureFragment, VideoFailureCode } from './generated/graphql.ts';

/** A GraphQL error as this service answers it; its README lists the codes. */
interface ServiceError {
  readonly message: string;
  readonly extensions?: {
    readonly code?: string;
    readonly retryable?: boolean;
    readonly retryAfterSeconds?: number;
  };
}

/** The service refused the request. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly first: ServiceError;

  constructor(errors: readonly ServiceError[]) {
    super(errors.map(({ message }) => message).join(' '));
    this.first = errors[0] ?? { message: this.message };
  }
}

/** There will be no video. */
export class VideoError extends Error {
  override readonly name = 'VideoError';
  readonly failure: FailureFragment;

  constructor(failure: FailureFragment) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The GraphQL error behind what a request threw; undefined where there was no answer, or none from the service. */
function serviceErrorOf(error: unknown): ServiceError | undefined {
  if (error instanceof RequestError) return error.first;
  return error instanceof ClientError ? (error.response.errors?.[0] as ServiceError | undefined) : undefined;
}

/** Whether the same order, under the same key, may succeed in a moment. */
export function mayBeSentAgain(error: unknown): boolean {
  const answer = serviceErrorOf(error);
  if (!answer) return true;
  const { retryable = false, retryAfterSeconds } = answer.extensions ?? {};
  return retryable && retryAfterSeconds === undefined;
}

/** What there is to do about an error of the request, by its code. */
const adviceOnErrors: Record<string, string> = {
  UNAUTHENTICATED: 'Set VIDEO_API_KEY to a key of the service.',
  FORBIDDEN: 'Ask for a key with the scopes read and submit.',
  BAD_USER_INPUT: 'Nothing was ordered.',
  IDEMPOTENCY_KEY_MISMATCH: 'Look at that task, or leave --key out to order something new.',
  ANSWER_NOT_SAVED: 'Run it again with the same --key in a while: that orders nothing new.',
};

/** What there is to do about a failure of the task, where its message does not say so. */
const adviceOnFailures: Partial<Record<VideoFailureCode, string>> = {
  CONTENT_REFUSED: 'Describe the video differently.',
  UPSTREAM_REFUSED: 'Change the order.',
  SUBMISSION_UNCONFIRMED: "Look the order up in the vendor's console before you order again.",
};

/** What went wrong, in words. */
export function inWords(error: unknown): string {
  if (error instanceof VideoError) return failureInWords(error.failure);
  const answer = serviceErrorOf(error);
  if (answer) return errorInWords(answer);
  if (error instanceof ClientError) return `No answer from the service itself: HTTP ${error.response.status}`;
  return error instanceof Error ? withCause(error) : String(error);
}

function failureInWords({ code, message, retryable, mayBeBilled }: FailureFragment): string {
  const advice = retryable ? 'Ordering it again may succeed.' : adviceOnFailures[code];
  return sentences(`No video (${code}): ${message}`, mayBeBilled ? 'It may be billed.' : 'It is not billed.', advice);
}

function errorInWords({ message, extensions: { code = 'no code', retryAfterSeconds } = {} }: ServiceError): string {
  const advice = retryAfterSeconds === undefined ? adviceOnErrors[code] : `Try again in ${retryAfterSeconds} s.`;
  return sentences(`Refused (${code}): ${message}`, advice);
}

const sentences = (...parts: (string | undefined)[]): string => parts.filter((part) => part !== undefined).join(' ');

/** Of a connection that failed, `fetch` says why in the cause only. */
function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `No connection: ${cause.message || String(cause)}` : message;
}
