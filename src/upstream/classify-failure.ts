import type { Reason } from './reason.ts';
import { UpstreamError } from './upstream-error.ts';

/** What an answer with an error status means. */
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

/** 408 and 499 also come from a gateway that gave up waiting for the answer behind it: they refuse nothing. */
const gatewayGaveUp = new Set([408, 499]);

/** What the end of a transfer without an answer means. */
export function failedTransfer(error: unknown): UpstreamError {
  const name = error instanceof Error ? error.name : 'unknown';
  const message = interruptions[name] ?? `The connection to the upstream failed (${codeOf(error)}).`;
  return new UpstreamError('ANSWER_LOST', message, { cause: error });
}

/** The interruptions that are our own doing, by the name of their error. */
const interruptions: Record<string, string> = {
  TimeoutError: 'The upstream did not answer in time.',
  AbortError: 'The service stopped before the upstream answered.',
};

/**
 * The order's bytes as a body, and whether they were ever asked for.
 *
 * That is the proof that an order was never sent. The HTTP client reads a body only once it has a connection to write it
 * to, behind a proxy and TLS too, and without its body a request is no order. No list of error codes is: most of them come
 * before the body and after it, a reset for one.
 */
export class OrderBody {
  readonly stream: ReadableStream<Uint8Array>;
  #state = 'WAITING' as 'WAITING' | 'SENT' | 'WITHDRAWN';

  /** Takes the bytes over: they can be used by nothing else from then on. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const pull = (controller: ReadableByteStreamController): void => {
      // The client may still be connecting when its order has been recorded as never sent.
      if (this.#state === 'WITHDRAWN') {
        controller.error(new Error('The order was withdrawn before it was sent.'));
        return;
      }
      this.#state = 'SENT';
      controller.enqueue(bytes);
      controller.close();
    };
    // Of bytes, because any other stream is asked for its first ones as soon as fetch copies it, which it does at once.
    this.stream = new ReadableStream({ type: 'bytes', pull }, { highWaterMark: 0 });
  }

  /** What the end of the transfer without an answer means; from now on the order is not sent any more. */
  failed(error: unknown): UpstreamError {
    const failed = failedTransfer(error);
    if (this.#state === 'SENT') return failed;
    this.#state = 'WITHDRAWN';
    const message = `The order was not sent, because no connection was made. ${failed.message}`;
    return new UpstreamError('NEVER_SENT', message, { cause: error });
  }
}

/** The innermost code of an error, for its message. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  if (error.cause !== undefined) return codeOf(error.cause);
  return typeof code === 'string' ? code : error.name;
}

/** What a Retry-After header asks for, in seconds or as a date; undefined where it says nothing one can follow. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim().slice(0, maxHeaderLength);
  if (!value) return undefined;
  const [, seconds] = secondsFirst.exec(value) ?? [];
  const ms = seconds === undefined ? Date.parse(value) - Date.now() : Number(seconds) * 1_000;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** `120`, `1.5`, `120 seconds`, and `30, 30` where the header came twice. */
const secondsFirst = /^(\d+(?:\.\d+)?)(?: ?s(?:ec(?:ond)?s?)?)?(?:$|,)/i;

const maxHeaderLength = 100;
