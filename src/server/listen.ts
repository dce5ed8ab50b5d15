import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventsIn, sendEvents } from './event-stream.ts';
import { securityHeaders } from './security-headers.ts';
import type { GraphqlServer } from './yoga.ts';

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

/** How often a subscriber is pinged at least. */
const maxPingMs = 12_000;

/** Serves on `host` and `port`. */
export async function listen(server: GraphqlServer, settings: ListenSettings): Promise<Listener> {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs, stalledTimeoutMs } = settings;
  const requestTimeout = Math.max(requestTimeoutMs, headersTimeout);
  const pingMs = Math.min(stalledTimeoutMs / 3, maxPingMs);
  const connectionsCheckingInterval = Math.min(headersTimeout, maxCheckIntervalMs);
  const http = createServer({ headersTimeout, requestTimeout, connectionsCheckingInterval }, (request, response) =>
    // Of anything else no URL can be made.
    isAddressed(request)
      ? void answer(server, request, response, pingMs).catch((error: unknown) => {
          server.logger.error(error);
          response.destroy();
        })
      : refuse(response),
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

/** By hand, because what Yoga does it with holds the whole request for as long as a subscription is open. */
async function answer(
  server: GraphqlServer,
  request: IncomingMessage,
  response: ServerResponse,
  pingMs: number,
): Promise<void> {
  const answered = await server.handleNodeRequestAndResponse(request, response);
  if (response.destroyed) return;
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  const events = eventsIn(answered);
  if (!events) return void response.end(await answered.text());
  // So does who has read its body and listens on.
  for (const event of ['data', 'end', 'error']) request.removeAllListeners(event);
  return sendEvents(events, response, pingMs);
}

const isAddressed = ({ headers: { host = '' }, url = '' }: IncomingMessage): boolean =>
  url.startsWith('/') && !/[/?#@\\]/.test(host) && URL.canParse(`http://${host}${url}`);

function refuse(response: ServerResponse): void {
  const body = JSON.stringify({ errors: [{ message: 'Bad request.', extensions: { code: 'BAD_REQUEST' } }] });
  const headers = { ...securityHeaders, 'content-type': 'application/json', connection: 'close' };
  response.writeHead(400, headers).end(body);
}
