import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { securityHeaders } from './security-headers.ts';

export interface ListenSettings {
  readonly host: string;
  readonly port: number;
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

/** Serves on `host` and `port`. */
export async function listen(listener: RequestListener, settings: ListenSettings): Promise<Listener> {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs, stalledTimeoutMs } = settings;
  const requestTimeout = Math.max(requestTimeoutMs, headersTimeout);
  const connectionsCheckingInterval = Math.min(headersTimeout, maxCheckIntervalMs);
  const http = createServer({ headersTimeout, requestTimeout, connectionsCheckingInterval }, (request, response) =>
    // Of anything else no URL can be made.
    isAddressed(request) ? listener(request, response) : refuse(response),
  );
  // A subscriber that reads takes our pings, at least; one that does not is dropped with what waits for it.
  http.setTimeout(stalledTimeoutMs);
  http.listen(settings.port, settings.host);
  await once(http, 'listening');
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

const isAddressed = ({ headers: { host = '' }, url = '' }: IncomingMessage): boolean =>
  url.startsWith('/') && !/[/?#@\\]/.test(host) && URL.canParse(`http://${host}${url}`);

function refuse(response: ServerResponse): void {
  const body = JSON.stringify({ errors: [{ message: 'Bad request.', extensions: { code: 'BAD_REQUEST' } }] });
  const headers = { ...securityHeaders, 'content-type': 'application/json', connection: 'close' };
  response.writeHead(400, headers).end(body);
}
