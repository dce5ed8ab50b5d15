import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './upstream.ts';

/** An answer that waits until the test releases it. */
export interface HeldAnswer {
  readonly answer: Answer;
  /** Resolves when the request has arrived. */
  readonly arrived: Promise<void>;
  release(): void;
}

/** Holds `answer` back, so that a test can check the state while a request is under way. */
export function held(answer: Answer): HeldAnswer {
  const arrival = Promise.withResolvers<void>();
  const waiting: [ServerResponse, IncomingMessage][] = [];
  return {
    arrived: arrival.promise,
    answer: (...exchange) => {
      waiting.push(exchange);
      arrival.resolve();
    },
    release: () => {
      for (const exchange of waiting.splice(0)) answer(...exchange);
    },
  };
}
