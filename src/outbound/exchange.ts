import { type IncomingMessage, request as requestOverHttp } from 'node:http';
import { type RequestOptions, request as requestOverHttps } from 'node:https';
import { isIP, type LookupFunction, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { codeOf, named, OutboundError } from './outbound-error.ts';
import { portOf } from './private-hosts.ts';

export type OutboundMethod = 'GET' | 'HEAD' | 'POST';

export interface OutboundRequest {
  readonly method: OutboundMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** The most bytes that the headers of an answer may have. */
const maxHeaderSize = 16 * 1024;

/** How long one of several addresses may take to connect before the next one is tried. */
const addressTimeoutMs = 1_000;

/** Headers that follow from the request itself. */
const notTheCallers = new Set(['connection', 'content-length', 'expect', 'host', 'te', 'transfer-encoding', 'upgrade']);

/**
 * Sends one request to one of the addresses, and to no other; they were judged before. The answer's body is still to
 * come. When the signal aborts, the connection is destroyed.
 */
export function exchange(
  url: URL,
  addresses: readonly string[],
  request: OutboundRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  signal.throwIfAborted();
  const secure = url.protocol === 'https:';
  let answer: IncomingMessage | null = null;
  let connected = false;
  const options = optionsOf(url, addresses, request);
  const sent = secure ? requestOverHttps(options) : requestOverHttp(options);
  const destroy = () => {
    answer?.destroy();
    sent.destroy();
  };
  signal.addEventListener('abort', destroy, { once: true });
  sent.once('socket', (socket: Socket) => {
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      connected = true;
    });
  });
  sent.once('response', (response) => {
    answer = response;
    // The error reaches the body's reader; without one, there is nothing left to do about it.
    response.on('error', () => {});
    resolve(response);
  });
  sent.on('error', (error) => {
    // Node takes a body without a length for complete when its connection is reset, unless it is destroyed before.
    if (!answer?.complete) answer?.destroy(error);
    reject(signal.aborted ? signal.reason : failureOf(error, connected, url));
  });
  // An answer with the status 101 ends the request without another event.
  sent.once('close', () => reject(signal.aborted ? signal.reason : brokenOff(url)));
  sent.end(request.body);
  return promise;
}

/** Node hands the options of the connection on, but its types do not say so. */
type Options = RequestOptions & Pick<TcpSocketConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'>;

function optionsOf(url: URL, addresses: readonly string[], { method, headers }: OutboundRequest): Options {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method,
    host,
    port: portOf(url),
    path: `${url.pathname}${url.search}`,
    headers: {
      ...Object.fromEntries(given.filter(([name]) => !notTheCallers.has(name))),
      'accept-encoding': 'identity',
      'user-agent': 'grok-video-graphql',
    },
    // An agent of its own, which keeps no connection and knows no proxy.
    agent: false,
    lookup: findingOnly(addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: addressTimeoutMs,
    maxHeaderSize,
    insecureHTTPParser: false,
    // Said here, because NODE_TLS_REJECT_UNAUTHORIZED would otherwise switch the check off.
    rejectUnauthorized: true,
    servername: isIP(host) === 0 ? host.replace(/\.$/, '') : '',
  };
}

/** A look-up that finds the addresses that were judged, so that there is no second one. IP addresses need none. */
function findingOnly(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, { all }, callback) => {
    const [first] = found;
    if (all) callback(null, found);
    else callback(null, first?.address ?? '', first?.family);
  };
}

const brokenOff = (url: URL, why = '') =>
  new OutboundError('BROKEN', `The answer of ${named(url)} broke off or is not valid HTTP${why}.`);

function failureOf(error: Error, connected: boolean, url: URL): OutboundError {
  const code = codeOf(error);
  if (code === ' (HPE_HEADER_OVERFLOW)') {
    return new OutboundError(
      'TOO_LARGE',
      `The answer of ${named(url)} has more than ${maxHeaderSize} bytes of headers.`,
    );
  }
  return connected
    ? brokenOff(url, code)
    : new OutboundError('UNREACHABLE', `The host ${named(url)} cannot be reached${code}.`);
}
