import { UpstreamError } from './replies.ts';

/** What an answer with an error status means. `reason` is the upstream's own, made fit to be shown. */
export function failedResponse(response: Response, reason: string | null): UpstreamError {
  const { status: httpStatus } = response;
  const details = { httpStatus, retryAfterMs: retryAfterMs(response.headers) };
  const answered = `The upstream answered with HTTP ${httpStatus}${reason === null ? '' : `: ${reason}`}`;
  if (httpStatus === 429) return new UpstreamError('RATE_LIMITED', answered, details);
  const refused = httpStatus >= 400 && httpStatus < 500 && !gatewayGaveUp.has(httpStatus);
  return new UpstreamError(refused ? 'REFUSED' : 'ANSWER_LOST', answered, details);
}

/** 408 and 499 also come from a gateway that gave up waiting for the answer behind it: they refuse nothing. */
const gatewayGaveUp = new Set([408, 499]);

/** What the end of a transfer without an answer means. */
export function failedTransfer(error: unknown): UpstreamError {
  if (wasNeverSent(error)) {
    return new UpstreamError('NEVER_SENT', `No connection to the upstream could be made (${codeOf(error)}).`, {
      cause: error,
    });
  }
  const name = error instanceof Error ? error.name : 'unknown';
  const message = interruptions[name] ?? `The connection to the upstream broke off (${codeOf(error)}).`;
  return new UpstreamError('ANSWER_LOST', message, { cause: error });
}

/** The interruptions that are our own doing, by the name of their error. */
const interruptions: Record<string, string> = {
  TimeoutError: 'The upstream did not answer in time.',
  AbortError: 'The service stopped before the upstream answered.',
};

/** The failures of a handshake in which the peer's certificate or protocol was not acceptable. */
const handshakeFailure =
  /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_WRONG_VERSION_NUMBER|UND_ERR_CONNECT_TIMEOUT)/;

/**
 * Whether the request provably never left: the connection itself failed. A reset or a timeout proves nothing, so only
 * what is listed counts.
 */
function wasNeverSent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(wasNeverSent);
  if (!(error instanceof Error)) return false;
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === 'connect' || syscall === 'getaddrinfo' || (code && handshakeFailure.test(code))) return true;
  return wasNeverSent(error.cause);
}

/** The innermost code of an error, for its message. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  return error.cause === undefined ? (code ?? error.name) : codeOf(error.cause);
}

/** What a Retry-After header asks for, in seconds or as a date; undefined where it says nothing one can follow. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
