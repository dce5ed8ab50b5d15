import { randomUUID } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';
import { withRequest } from '../../request-context.ts';

/** The header in which a request's id comes and goes. */
export const requestIdHeader = 'x-request-id';
const form = /^[\w.:-]{1,100}$/;

/** The id that a request comes with, if it can be taken, or a new one. */
export const requestIdFor = (given: unknown): string =>
  typeof given === 'string' && form.test(given) ? given : randomUUID();

/** Gives each request an id, or takes the one it comes with, and says it in the answer: the log has it on every line. */
export function useRequestId(): Plugin {
  const ids = new WeakMap<Request, string>();
  return {
    onRequest({ request, requestHandler, setRequestHandler }) {
      const id = requestIdFor(request.headers.get(requestIdHeader));
      ids.set(request, id);
      setRequestHandler((...parameters) => withRequest({ requestId: id }, () => requestHandler(...parameters)));
    },
    onResponse({ request, response }) {
      response.headers.set(requestIdHeader, ids.get(request) ?? randomUUID());
    },
  };
}
