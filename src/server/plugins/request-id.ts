import { randomUUID } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';
import { withRequest } from '../../request-context.ts';

/** The header that carries a request's id, in both directions. */
export const requestIdHeader = 'x-request-id';
const form = /^[\w.:-]{1,100}$/;

/** The given id if it has a valid form, otherwise a new one. */
export const requestIdFor = (given: unknown): string =>
  typeof given === 'string' && form.test(given) ? given : randomUUID();

/** Gives each request an id, its own or a new one, returns it in the response, and adds it to every log line. */
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
