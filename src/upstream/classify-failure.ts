import type { Reason } from './reason.ts';
import { UpstreamError } from './upstream-error.ts';

/** The failure that an answer with an error status means. */
export function failedResponse(
  response: Response,
  { text, topic, retryAfterMs: saidMs }: Reason & { retryAfterMs?: number | undefined },
): UpstreamError {
  const { status: httpStatus } = response;
  const details = { httpStatus, topic, retryAfterMs: retryAfterMs(response.headers) ?? saidMs };
  const answered = `The upstream answered with HTTP ${httpStatus}${text === null ? '' : `: ${text}`}`;
  if (httpStatus === 429) return new UpstreamError('RATE_LIMITED', answered, details);
  const refused = httpStatus >= 400 && httpStatus < 500 && !gatewayGaveUp.has(httpStatus);
  return new UpstreamError(refused ? 'REFUSED' : 'ANSWER_LOST', answered, details);
}

/**
 * A gateway also answers 408 or 499 when it gives up waiting for the server behind it, so these statuses do not prove
 * that the order was refused.
 */
const gatewayGaveUp = new Set([408, 499]);

/** The failure that a transfer without an answer means. */
export function failedTransfer(error: unknown): UpstreamError {
  const name = error instanceof Error ? error.name : 'unknown';
  const message = interruptions[name] ?? `The connection to the upstream failed (${codeOf(error)}).`;
  return new UpstreamError('ANSWER_LOST', message, { cause: error });
}

/** Errors by which this service itself ends a transfer, by name. */
const interruptions: Record<string, string> = {
  TimeoutError: 'The upstream did not answer in time.',
  AbortError: 'The service stopped before the upstream answered.',
};

/**
 * The body of an order, which records whether the HTTP client ever read it.
 *
 * A body that was never read proves that the order was never sent. The HTTP client reads a body only once it has a
 * connection to write it to, also behind a proxy and with TLS, and a request without its body is not an order. Error
 * codes prove nothing, because most of them, such as a reset, occur both before and after the body is sent.
 */
export class OrderBody {
  readonly stream: ReadableStream<Uint8Array>;
  #state = 'WAITING' as 'WAITING' | 'SENT' | 'WITHDRAWN';

  /** Takes ownership of `bytes`: the stream transfers their buffer. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const pull = (controller: ReadableByteStreamController): void => {
      // The HTTP client may still be connecting when the order has already been recorded as never sent.
      if (this.#state === 'WITHDRAWN') {
        controller.error(new Error('The order was withdrawn before it was sent.'));
        return;
      }
      this.#state = 'SENT';
      controller.enqueue(bytes);
      controller.close();
    };
    // A byte stream, because fetch reads the first chunk of any other stream as soon as it copies it, before it has a
    // connection.
    this.stream = new ReadableStream({ type: 'bytes', pull }, { highWaterMark: 0 });
  }

  /**
   * The failure that a transfer without an answer means. If the body was not read before this call, it can no longer be
   * sent.
   */
  failed(error: unknown): UpstreamError {
    const failed = failedTransfer(error);
    if (this.#state === 'SENT') return failed;
    this.#state = 'WITHDRAWN';
    const message = `The order was not sent, because no connection was made. ${failed.message}`;
    return new UpstreamError('NEVER_SENT', message, { cause: error });
  }
}

/** The code of the innermost cause of an error. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  if (error.cause !== undefined) return codeOf(error.cause);
  return typeof code === 'string' ? code : error.name;
}

/**
 * The wait in milliseconds that a Retry-After header asks for, as seconds or as a date; undefined where it is absent or
 * unreadable.
 */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim().slice(0, maxHeaderLength);
  if (!value) return undefined;
  const [, seconds] = secondsFirst.exec(value) ?? [];
  const ms = seconds === undefined ? Date.parse(value) - Date.now() : Number(seconds) * 1_000;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** `120`, `1.5`, `120 seconds`, and `30, 30` for a header that was sent twice. */
const secondsFirst = /^(\d+(?:\.\d+)?)(?: ?s(?:ec(?:ond)?s?)?)?(?:$|,)/i;

const maxHeaderLength = 100;
