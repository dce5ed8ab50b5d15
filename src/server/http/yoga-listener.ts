import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { YogaServerInstance } from 'graphql-yoga';
import { eventsIn, sendEvents } from '../sse/event-stream.ts';
import { keepErrors } from './connections.ts';

/** How often a subscriber is pinged at least. */
const maxPingMs = 12_000;

/**
 * Answers with what Yoga has to say. By hand, because what Yoga does it with holds all of a request for as long as its
 * answer goes on.
 */
export function createYogaListener<Context extends object>(
  yoga: YogaServerInstance<object, Context>,
  stalledTimeoutMs: number,
): RequestListener {
  // Often enough that a connection whose client takes them does not stand still.
  const pingMs = Math.min(stalledTimeoutMs / 3, maxPingMs);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answered = await yoga.handleNodeRequestAndResponse(request, response);
    if (response.destroyed) return;
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    const events = eventsIn(answered);
    if (!events) return void response.end(await answered.text());
    // So does what has read the body, and listens on.
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
