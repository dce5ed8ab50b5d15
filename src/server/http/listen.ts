import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { answerInTurn, refuse } from './connections.ts';

export interface ListenSettings {
  readonly host: string;
  readonly port: number;
  /** How many connections may be open. Further ones are closed. */
  readonly maxConnections: number;
  /** How long a client may take to send the headers, and the whole of a request. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** After how long without traffic a connection is closed, also while its request is being answered. */
  readonly stalledTimeoutMs: number;
}

export interface Listener {
  readonly url: string;
  /** Accepts no more connections, and resolves when the last one is closed. */
  close(): Promise<void>;
}

/** How long a closing server waits for responses and requests that are still being transferred. */
const closeGraceMs = 2_000;

/** How often a closing server closes the connections that are idle. */
const closeIntervalMs = 20;

/** The longest pause between two checks for clients that send too slowly. */
const maxCheckIntervalMs = 1_000;

/** The shortest pause between two log lines about too many connections. */
const dropLogIntervalMs = 60_000;

/**
 * Listens on `host` and `port`, and resolves once connections are accepted. The listener is the one place that every request
 * passes, because it stands before both the fast path and Yoga: what counts or measures requests wraps it here, and not in
 * a plugin of Yoga.
 *
 * @throws the system's error when the port cannot be opened.
 */
export async function listen(listener: RequestListener, settings: ListenSettings, log: Logger): Promise<Listener> {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs, stalledTimeoutMs } = settings;
  const requestTimeout = Math.max(requestTimeoutMs, headersTimeout);
  const connectionsCheckingInterval = Math.min(headersTimeout, maxCheckIntervalMs);
  const http = createServer({ headersTimeout, requestTimeout, connectionsCheckingInterval });
  answerInTurn(http, (request, response) =>
    // Other requests have no valid URL.
    isAddressed(withoutOrigin(request)) ? listener(request, response) : refuse(response),
  );
  limitConnections(http, settings.maxConnections, log);
  // A subscriber receives pings, so its connection is without traffic only if it does not read; then it is closed.
  http.setTimeout(stalledTimeoutMs);
  http.listen(settings.port, settings.host);
  await once(http, 'listening');
  // Only logged, because accept(2) reports errors of single connections and temporary ones of the system.
  http.on('error', (error) => log.error({ error: error.message }, 'a connection could not be taken'));
  const address = http.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/graphql`,
    async close() {
      const closed = once(http, 'close');
      http.close();
      // Idle keep-alive connections count as open, so they are closed here.
      const closing = setInterval(() => http.closeIdleConnections(), closeIntervalMs);
      const timeout = setTimeout(() => http.closeAllConnections(), closeGraceMs);
      await closed;
      clearInterval(closing);
      clearTimeout(timeout);
    },
  };
}

/** Converts the absolute form of a request target, which servers have to accept (RFC 9112, 3.2.2), to a path. */
function withoutOrigin(request: IncomingMessage): IncomingMessage {
  const target = request.url?.startsWith('/') ? null : URL.parse(request.url ?? '');
  if (target?.protocol !== 'http:' && target?.protocol !== 'https:') return request;
  request.headers.host = target.host;
  request.url = target.pathname + target.search;
  return request;
}

const isAddressed = ({ headers: { host = '' }, url = '' }: IncomingMessage): boolean =>
  url.startsWith('/') && !/[/?#@\\]/.test(host) && URL.canParse(`http://${host}${url}`);

function limitConnections(http: Server, max: number, log: Logger): void {
  let nextLogAt = 0;
  http.maxConnections = max;
  http.on('drop', () => {
    if (Date.now() < nextLogAt) return;
    nextLogAt = Date.now() + dropLogIntervalMs;
    log.warn({ maxConnections: max }, 'too many connections are open: new ones are closed');
  });
}
