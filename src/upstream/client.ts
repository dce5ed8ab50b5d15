import ky from 'ky';
import type { VideoRequest } from '../videos/request.ts';
import { readBody } from './body.ts';
import { failedResponse, failedTransfer, retryAfterMs } from './faults.ts';
import { type CheckReply, type SubmitReply, UpstreamError } from './replies.ts';
import { readCheckReply, readErrorText, readSubmitReply, salvageUpstreamId, toSubmitBody } from './wire.ts';

export interface UpstreamClient {
  /** Orders the video: the one paid call, sent at most once. Faults are returned, never thrown. */
  submit(request: VideoRequest, signal: AbortSignal): Promise<SubmitReply>;
  /** Asks once how a task is doing. Faults are returned, never thrown: the tracker comes round again. */
  check(upstreamId: string, signal: AbortSignal): Promise<CheckReply>;
}

export interface UpstreamSettings {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** For the whole submit, its answer's last byte included. */
  readonly submitTimeoutMs: number;
  /** For the whole check, its answer's last byte included. */
  readonly checkTimeoutMs: number;
}

/** What the upstream says is quoted to clients and logs: never at length, and never with our key in it. */
const maxQuoteLength = 500;

/** The client for the REST API. It keeps no state of its own beyond the connections. */
export function createUpstreamClient(settings: UpstreamSettings): UpstreamClient {
  const http = ky.create({
    prefix: settings.baseUrl,
    headers: { authorization: `Bearer ${settings.apiKey}` },
    // A redirected POST would be a second POST, and a redirected key a lost key.
    redirect: 'manual',
    // Ky would end with the headers, and read an error's body without bound: see `within` and `readBody`.
    timeout: false,
    throwHttpErrors: false,
    retry: 0,
  });

  const quote = (text: string): string =>
    text.replaceAll(settings.apiKey, '[redacted]').slice(0, maxQuoteLength).toWellFormed();
  const quoteIfAny = (text: string | null): string | null => (text === null ? null : quote(text));

  async function submit(request: VideoRequest, ending: AbortSignal): Promise<SubmitReply> {
    const bytes = new Blob([JSON.stringify(toSubmitBody(request))]);
    // A stream, because it cannot be sent twice: after a 421, fetch itself repeats a POST whose body it still has.
    const streamed = { body: bytes.stream(), duplex: 'half' };
    const headers = { 'content-type': 'application/json', 'content-length': String(bytes.size) };
    const response = await http.post('v1/grok/videos', { ...streamed, headers, signal: ending });
    const body = await readBody(response, ending);
    if (!response.ok) return failedResponse(response, quoteIfAny(readErrorText(body.json)));
    const accepted = body.json === undefined ? salvageUpstreamId(body.text) : readSubmitReply(body.json);
    // What it says may still tell somebody which task was paid for.
    if (!accepted) return unreadable('order', response, `${body.problem}: ${quote(body.text)}`);
    return { kind: 'ACCEPTED', ...accepted, upstreamStatus: quoteIfAny(accepted.upstreamStatus) };
  }

  async function check(upstreamId: string, ending: AbortSignal): Promise<CheckReply> {
    // Past ky, which would combine it with a signal of its own; checks are many, and each such combination stays in
    // memory until the rarest and longest kind of garbage collection.
    const fetchUntilEnding: typeof fetch = (request, init) => fetch(request, { ...init, signal: ending });
    const response = await http.get(`v1/result/${encodeURIComponent(upstreamId)}`, { fetch: fetchUntilEnding });
    const body = await readBody(response, ending);
    if (!response.ok) return failedResponse(response, quoteIfAny(readErrorText(body.json)));
    const observed = readCheckReply(body.json);
    if (!observed) return unreadable('check', response, body.problem);
    return { ...observed, upstreamStatus: quoteIfAny(observed.upstreamStatus), error: quoteIfAny(observed.error) };
  }

  return {
    submit: (request, signal) =>
      within(signal, settings.submitTimeoutMs, (ending) => submit(request, ending)).catch(failedTransfer),
    check: (upstreamId, signal) =>
      within(signal, settings.checkTimeoutMs, (ending) => check(upstreamId, ending)).catch(failedTransfer),
  };
}

/** How long, after its time is over, a request's connection is looked at once more. */
const lastLookMs = 250;

/**
 * Gives `use` a signal that ends with `signal` or after `timeoutMs`. A process that was held up finds its timers due
 * before it has read what has arrived meanwhile, and that may be the id of a paid task: so there is a last look.
 */
async function within<Result>(
  signal: AbortSignal,
  timeoutMs: number,
  use: (ending: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  // By hand and not by AbortSignal.any, for the sake of the garbage collector as well.
  const breakOff = () => ending.abort(signal.reason);
  if (signal.aborted) breakOff();
  signal.addEventListener('abort', breakOff);
  const end = () => ending.abort(new DOMException('The time is over.', 'TimeoutError'));
  let timer = setTimeout(() => {
    timer = setTimeout(end, lastLookMs);
  }, timeoutMs);
  try {
    return await use(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', breakOff);
  }
}

function unreadable(what: string, { status, headers }: Response, problem: string): UpstreamError {
  return new UpstreamError('ANSWER_LOST', `The upstream's answer to the ${what} could not be read: ${problem}.`, {
    httpStatus: status,
    retryAfterMs: retryAfterMs(headers),
  });
}
