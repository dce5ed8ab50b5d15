import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { answerInTurn, refuse } from './connections.ts';

export interface ListenSettings {
  readonly host: string;
  readonly port: number;
  /** How many connections may be open at once; what comes beyond is closed. */
  readonly maxConnections: number;
  /** How long a client may take to send a request's headers, and the whole of it. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long a connection may stand still, with an answer that is being worked on or that nobody reads. */
  readonly stalledTimeoutMs: number;
}

export interface Listener {
  readonly url: string;
  /** Takes no more connections and resolves when the last one is closed. */
  close(): Promise<void>;
}

/** How long a closing server waits for answers that are still being read, or requests that are still being sent. */
const closeGraceMs = 2_000;

/** How often a closing server looks for connections that have become idle. */
const closeIntervalMs = 20;

/** How often the server looks for clients that take too long to send a request. */
const maxCheckIntervalMs = 1_000;

/** How often it is logged that there are too many connections. */
const dropLogIntervalMs = 60_000;

/** Serves on `host` and `port`. */
export async function listen(listener: RequestListener, settings: ListenSettings, log: Logger): Promise<Listener> {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs, stalledTimeoutMs } = settings;
  const requestTimeout = Math.max(requestTimeoutMs, headersTimeout);
  const connectionsCheckingInterval = Math.min(headersTimeout, maxCheckIntervalMs);
  const http = createServer({ headersTimeout, requestTimeout, connectionsCheckingInterval });
  answerInTurn(http, (request, response) =>
    // Of anything else no URL can be made.
    isAddressed(withoutOrigin(request)) ? listener(request, response) : refuse(response),
  );
  limitConnections(http, settings.maxConnections, log);
  // A subscriber that reads takes our pings, at least; one that does not is dropped with what waits for it.
  http.setTimeout(stalledTimeoutMs);
  http.listen(settings.port, settings.host);
  await once(http, 'listening');
  // As accept(2) passes on what befalls the network of one connection, or the whole of the system for a while.
  http.on('error', (error) => log.error({ error: error.message }, 'a connection could not be taken'));
  const address = http.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/graphql`,
    async close() {
      const closed = once(http, 'close');
      http.close();
      // A keep-alive connection counts as open until its last answer is through and somebody closes it.
      const closing = setInterval(() => http.closeIdleConnections(), closeIntervalMs);
      const patience = setTimeout(() => http.closeAllConnections(), closeGraceMs);
      await closed;
      clearInterval(closing);
      clearTimeout(patience);
    },
  };
}

/** Brings the absolute form of a request's target, which servers have to take (RFC 9112, 3.2.2), into the usual one. */
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
  let quietUntil = 0;
  http.maxConnections = max;
  http.on('drop', () => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + dropLogIntervalMs;
    log.warn({ maxConnections: max }, 'too many connections are open: new ones are closed');
  });
}
