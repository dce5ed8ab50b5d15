import ky from 'ky';
import type { VideoRequest } from '../videos/request.ts';
import { readBody } from './body.ts';
import { failedResponse, failedTransfer, retryAfterMs } from './faults.ts';
import { type CheckReply, type SubmitReply, UpstreamError } from './replies.ts';
import { readCheckReply, readErrorText, readSubmitReply, salvageUpstreamId, toSubmitBody } from './wire.ts';

export interface UpstreamClient {
  /** Orders the video: the one paid call, sent at most once. Faults are returned, never thrown. */
  submit(request: VideoRequest, signal: AbortSignal): Promise<SubmitReply>;
  /** Asks how a task is doing. Faults are returned, never thrown. */
  check(upstreamId: string, signal: AbortSignal): Promise<CheckReply>;
}

export interface UpstreamSettings {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** For the whole submit, its answer's last byte included. */
  readonly submitTimeoutMs: number;
  /** For the whole check, its retries included. */
  readonly checkTimeoutMs: number;
}

/** What the upstream says is quoted to clients and logs: never at length, and never with our key in it. */
const maxQuoteLength = 500;

const checkRetry = {
  limit: 2,
  statusCodes: [500, 502, 503, 504],
  afterStatusCodes: [],
  backoffLimit: 2_000,
  jitter: true,
};

/** The client for the REST API. It keeps no state of its own beyond the connections. */
export function createUpstreamClient(settings: UpstreamSettings): UpstreamClient {
  const http = ky.create({
    prefix: settings.baseUrl,
    headers: { authorization: `Bearer ${settings.apiKey}` },
    // A redirected POST would be a second POST, and a redirected key a lost key.
    redirect: 'manual',
    // Ours end with the body; ky's would end with the headers.
    timeout: false,
    throwHttpErrors: false,
  });

  const quote = (text: string): string => text.replaceAll(settings.apiKey, '[redacted]').slice(0, maxQuoteLength);

  function within(signal: AbortSignal, timeoutMs: number): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  }

  async function submit(request: VideoRequest, signal: AbortSignal): Promise<SubmitReply> {
    const response = await http.post('v1/grok/videos', {
      json: toSubmitBody(request),
      retry: 0,
      signal: within(signal, settings.submitTimeoutMs),
    });
    const body = await readBody(response);
    if (!response.ok) return failedResponse(response, readErrorText(body.json), quote);
    const accepted = readSubmitReply(body.json);
    if (accepted) return { kind: 'ACCEPTED', ...accepted };
    const salvaged = salvageUpstreamId(body.text);
    if (salvaged) return { kind: 'ACCEPTED', upstreamId: salvaged, upstreamStatus: null };
    return new UpstreamError('ANSWER_LOST', `The upstream's answer to the order could not be read: ${body.problem}.`, {
      httpStatus: response.status,
      cause: body.cause,
    });
  }

  async function check(upstreamId: string, signal: AbortSignal): Promise<CheckReply> {
    const response = await http.get(`v1/result/${encodeURIComponent(upstreamId)}`, {
      retry: checkRetry,
      throwHttpErrors: (status) => checkRetry.statusCodes.includes(status),
      signal: within(signal, settings.checkTimeoutMs),
    });
    const body = await readBody(response);
    if (!response.ok) return failedResponse(response, readErrorText(body.json), quote);
    const observed = readCheckReply(body.json);
    if (observed) return { ...observed, error: observed.error && quote(observed.error) };
    return new UpstreamError('ANSWER_LOST', `The upstream's answer to the check could not be read: ${body.problem}.`, {
      httpStatus: response.status,
      retryAfterMs: retryAfterMs(response.headers),
      cause: body.cause,
    });
  }

  return {
    submit: (request, signal) => submit(request, signal).catch(failedTransfer),
    check: (upstreamId, signal) => check(upstreamId, signal).catch(failedTransfer),
  };
}
