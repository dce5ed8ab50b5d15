import ky from 'ky';
import type { CheckReply, SubmitReply, Upstream } from '../tasks/upstream.ts';
import { failedResponse, failedTransfer, OrderBody, retryAfterMs } from './classify-failure.ts';
import { createKeyFinder } from './key-finder.ts';
import { toSubmitBody } from './order-body.ts';
import { createQuote, type Quote } from './quote.ts';
import { namesAnother, readCheck, readFailedCheck, readRefusal, readSubmit } from './reader.ts';
import { type Body, readBody } from './response-body.ts';
import { UpstreamError } from './upstream-error.ts';

export interface UpstreamSettings {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The time for a whole submit, including the last byte of its answer. */
  readonly submitTimeoutMs: number;
  /** The time for a whole check, including the last byte of its answer. */
  readonly checkTimeoutMs: number;
}

/** Creates the client of the REST API. Its only state is the open connections. */
export function createUpstreamClient(settings: UpstreamSettings): Upstream {
  const http = ky.create({
    prefix: settings.baseUrl,
    headers: { authorization: `Bearer ${settings.apiKey}` },
    // Redirects are not followed, because a redirected POST could order twice, and a redirected request would send the
    // key to another host.
    redirect: 'manual',
    // Ky's timeout ends when the headers arrive, and ky reads error bodies without a bound. `within` and `readBody` do
    // both instead.
    timeout: false,
    throwHttpErrors: false,
    retry: 0,
  });

  const key = createKeyFinder(settings.apiKey);
  const quote = createQuote(key);
  const read = async (response: Response, ending: AbortSignal): Promise<Body> => {
    const body = await readBody(response, ending);
    return body.json === undefined ? { ...body, text: key.redactBeginning(body.text) } : body;
  };

  async function submit(sizeBytes: number, order: OrderBody, ending: AbortSignal): Promise<SubmitReply> {
    // A stream, because it cannot be sent twice: after a 421, fetch itself repeats a POST if it still has the body. The
    // stream is passed around ky, which would begin to read it before there is a connection.
    const fetchWithOrder = (request: Parameters<typeof fetch>[0], init?: RequestInit) =>
      fetch(request, { ...init, signal: ending, body: order.stream, duplex: 'half' } as RequestInit);
    const headers = { 'content-type': 'application/json', 'content-length': String(sizeBytes) };
    const response = await http.post('v1/grok/videos', { headers, signal: ending, fetch: fetchWithOrder });
    const body = await read(response, ending);
    const { upstreamId, unusableId, upstreamStatus, mayBePaid } = readSubmit(
      body.part,
      { accepted: response.ok, whole: body.whole },
      quote,
    );
    if (upstreamId !== null) return { kind: 'ACCEPTED', upstreamId, upstreamStatus };
    if (unusableId !== null)
      return unreadable('order', response, `it names a task by an id that cannot be used: ${unusableId}`);
    if (!mayBePaid) return failedResponse(response, readRefusal(body.part, body.text, quote));
    const problem = response.ok
      ? body.problem
      : `with HTTP ${response.status} it may speak of a task that was accepted`;
    // The text may still tell a person which task was paid for.
    const said = quote(body.text);
    return unreadable('order', response, said === null ? problem : `${problem}: ${said}`);
  }

  async function check(upstreamId: string, ending: AbortSignal): Promise<CheckReply> {
    // The signal is passed around ky, which would combine it with one of its own. Each such combination stays in memory
    // until the rarest kind of garbage collection, and checks are many.
    const fetchUntilEnding: typeof fetch = (request, init) => fetch(request, { ...init, signal: ending });
    const response = await http.get(`v1/result/${encodeURIComponent(upstreamId)}`, { fetch: fetchUntilEnding });
    const body = await read(response, ending);
    return (response.ok ? answered : failedCheck)(response, upstreamId, body, quote);
  }

  return {
    ...key,
    submit(request, signal) {
      const bytes = new TextEncoder().encode(JSON.stringify(toSubmitBody(request)));
      const { byteLength } = bytes;
      const order = new OrderBody(bytes);
      return within(signal, settings.submitTimeoutMs, (ending) => submit(byteLength, order, ending)).catch(
        (error: unknown) => order.failed(error),
      );
    },
    check: (upstreamId, signal) =>
      within(signal, settings.checkTimeoutMs, (ending) => check(upstreamId, ending)).catch(failedTransfer),
  };
}

/** How long a request may go on after its timeout, so that data that has already arrived is read. */
const lastLookMs = 250;

/**
 * Runs `use` with a signal that aborts with `signal` or after `timeoutMs`. A process that was suspended finds its
 * timers due before it has read what arrived meanwhile, which may be the id of a paid task. So the signal aborts only a
 * moment after the timer.
 */
async function within<Result>(
  signal: AbortSignal,
  timeoutMs: number,
  use: (ending: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  // Done by hand, because AbortSignal.any also burdens the garbage collector.
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

/** Reads a 2xx answer to a check. */
function answered(response: Response, ours: string, body: Body, quote: Quote): CheckReply {
  const seen = readCheck(body.json, ours, quote);
  if (seen !== null) return seen;
  if (namesAnother(body.json, ours)) return unreadable('check', response, another);
  const { text: reason, topic } = readRefusal(body.json, body.text, quote);
  // A check sends no content, so a refusal of content in its answer is about the task. Any other reason may be about
  // the request.
  if (body.json === undefined || topic !== 'CONTENT') return unreadable('check', response, body.problem);
  return new UpstreamError('REFUSED', `The upstream answered: ${reason}`, { httpStatus: response.status, topic });
}

/** Reads an answer to a check that has an error status. */
function failedCheck(response: Response, ours: string, body: Body, quote: Quote): CheckReply {
  const seen = tellingStatuses.has(response.status) ? null : readFailedCheck(body.json, ours, quote);
  if (seen !== null) return seen;
  const refusal = readRefusal(body.part, body.text, quote);
  if (refusal.topic === 'CONTENT' && namesAnother(body.part, ours)) return unreadable('check', response, another);
  return failedResponse(response, refusal);
}

/** Statuses whose meaning does not depend on the body: the key, the credit, the rate limit, or a task that is gone. */
const tellingStatuses = new Set([401, 402, 403, 410, 429]);

const another = 'it is about another task';

function unreadable(what: string, { status, headers }: Response, problem: string): UpstreamError {
  return new UpstreamError('ANSWER_LOST', `The upstream's answer to the ${what} could not be read: ${problem}.`, {
    httpStatus: status,
    retryAfterMs: retryAfterMs(headers),
  });
}
