import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type AddressGuard, type AddressGuardSettings, createAddressGuard } from './address-guard.ts';
import { announcedBytes, type BodyLimits, hasKnownEnd, readBounded } from './bounded-body.ts';
import { exchange, type OutboundMethod, type OutboundRequest } from './exchange.ts';
import { named, OutboundError } from './outbound-error.ts';
import { RequestLife } from './request-life.ts';

export interface OutboundOptions extends BodyLimits {
  /** GET where it is not given. */
  readonly method?: OutboundMethod;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From the look-up of the host to the last byte of the headers, those of redirects included. */
  readonly timeoutMs: number;
  /** From the look-up of the host to the last byte of the body. */
  readonly deadlineMs: number;
  /** Whether redirects of a GET or HEAD are followed, as they are where it is not given. Those of a POST never are. */
  readonly redirects?: 'follow' | 'refuse';
  /** Ends the request with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where the answer comes from, after all redirects. */
  readonly url: string;
  /** The length that the answer announces for its body; null where it announces none. */
  readonly announcedBytes: number | null;
  /** Whether a body that breaks off fails with BROKEN. Where it is false, it may end early without an error. */
  readonly hasKnownEnd: boolean;
  /** Can be read once, and only as fast as its reader asks. Where no reader begins within `idleMs`, the request ends. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the request where the body is not read to its end. */
  readonly cancel: () => void;
}

export interface OutboundClient {
  /** @throws OutboundError; or the reason of the caller's signal. So does the body. */
  readonly request: (url: string, options: OutboundOptions) => Promise<OutboundResponse>;
}

const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** The caller's headers that a redirect takes along: none that could be a credential. */
const redirectedHeaders = new Set(['accept', 'if-range', 'range']);

/**
 * Creates the client for URLs that come from a stranger. Each address is judged before it is dialled, and no other than
 * the judged one is; so is that of each redirect. It keeps no connections and no cookies, follows no proxy of the
 * environment, and decompresses nothing.
 */
export function createOutboundClient(settings: AddressGuardSettings): OutboundClient {
  const addressesOf = createAddressGuard(settings);
  return {
    async request(text, options) {
      const url = URL.parse(text);
      if (!url) throw new OutboundError('ADDRESS_REFUSED', 'The address must be a complete URL.');
      const life = new RequestLife(named(url), options.signal);
      life.limit('HEADERS', options.timeoutMs);
      life.limit('WHOLE', options.deadlineMs);
      try {
        const last = await follow(url, options, addressesOf, life.signal);
        life.lift('HEADERS');
        life.limit('IDLE', options.idleMs);
        return responseOf(last, options, life);
      } catch (error) {
        life.end();
        throw error;
      }
    },
  };
}

interface Hop {
  readonly url: URL;
  readonly answer: IncomingMessage;
}

async function follow(
  first: URL,
  { method = 'GET', headers = {}, body, redirects = 'follow' }: OutboundOptions,
  addressesOf: AddressGuard,
  signal: AbortSignal,
): Promise<Hop> {
  let url = first;
  let request: OutboundRequest = { method, headers, body };
  for (let hop = 0; hop <= maxRedirects; hop++) {
    signal.throwIfAborted();
    const answer = await exchange(url, await addressesOf(url, signal), request, signal);
    const { location } = answer.headers;
    const status = answer.statusCode ?? 0;
    if (location === undefined || !redirectStatuses.has(status)) return { url, answer };
    answer.destroy();
    if (redirects === 'refuse' || method === 'POST') {
      throw new OutboundError('REDIRECTS', `The host ${named(url)} redirects, which is not followed.`, status);
    }
    url = nextUrl(url, location, status);
    request = { ...request, headers: takenAlong(headers) };
  }
  throw new OutboundError('REDIRECTS', `The host ${named(first)} redirects more than ${maxRedirects} times.`);
}

/** The guard judges the address; here is refused only what depends on where the redirect comes from. */
function nextUrl(from: URL, location: string, status: number): URL {
  // Node reads headers as Latin-1, but servers that do not escape a URL write it in UTF-8.
  const url = URL.parse(Buffer.from(location, 'latin1').toString(), from);
  if (!url) throw new OutboundError('REDIRECTS', `The host ${named(from)} redirects to what is no URL.`, status);
  // Those between the two hosts could read a signed link, and put another file in the place of the one it leads to.
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw new OutboundError('REDIRECTS', `The host ${named(from)} redirects from https to http.`, status);
  }
  return url;
}

const takenAlong = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => redirectedHeaders.has(name.toLowerCase())));

/** Statuses of answers that never have a body. */
const emptyStatuses = new Set([204, 304]);

function responseOf({ url, answer }: Hop, options: OutboundOptions, life: RequestLife): OutboundResponse {
  const status = answer.statusCode ?? 0;
  const isEmpty = options.method === 'HEAD' || emptyStatuses.has(status);
  if (isEmpty) life.end();
  return {
    status,
    headers: answer.headers,
    url: url.href,
    announcedBytes: announcedBytes(answer),
    hasKnownEnd: isEmpty || hasKnownEnd(answer),
    body: isEmpty ? nothing() : readBounded(answer, url, options, life),
    cancel: () => life.end(),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
