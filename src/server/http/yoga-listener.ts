import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { YogaServerInstance } from 'graphql-yoga';
import { eventsIn, sendEvents } from '../sse/event-stream.ts';
import { keepErrors } from './connections.ts';

/** The longest pause between two pings of a subscription. */
const maxPingMs = 12_000;

/**
 * Creates the request listener that sends Yoga's responses. Yoga's own listener is not used, because it keeps
 * everything about a request in memory until its response ends, which for a subscription takes long.
 */
export function createYogaListener<Context extends object>(
  yoga: YogaServerInstance<object, Context>,
  stalledTimeoutMs: number,
): RequestListener {
  // Three pings fit into `stalledTimeoutMs`, so a connection whose client reads them never counts as stalled.
  const pingMs = Math.min(stalledTimeoutMs / 3, maxPingMs);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answered = await yoga.handleNodeRequestAndResponse(request, response);
    if (response.destroyed) return;
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    const events = eventsIn(answered);
    if (!events) return void response.end(await answered.text());
    // The listeners that read the body keep it in memory too.
    for (const event of ['data', 'end', 'error']) request.removeAllListeners(event);
    keepErrors(request);
    return sendEvents(events, response, pingMs);
  }

  return (request, response) =>
    void answer(request, response).catch((error: unknown) => {
      yoga.logger.error(error);
      response.destroy();
    });
}
