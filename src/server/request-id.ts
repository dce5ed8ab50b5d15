import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';

/** The header in which a request's id comes and goes. */
export const requestIdHeader = 'x-request-id';
const form = /^[\w.:-]{1,100}$/;

const current = new AsyncLocalStorage<string>();

/** The id of the request that is being answered; undefined outside of any. */
export const currentRequestId = (): string | undefined => current.getStore();

/** The id that a request comes with, if it can be taken, or a new one. */
export const requestIdFor = (given: unknown): string =>
  typeof given === 'string' && form.test(given) ? given : randomUUID();

/** Runs what belongs to a request. */
export const withRequestId = <Result>(id: string, run: () => Result): Result => current.run(id, run);

/** Gives each request an id, or takes the one it comes with, and says it in the answer: the log has it on every line. */
export function useRequestId(): Plugin {
  const ids = new WeakMap<Request, string>();
  return {
    onRequest({ request, requestHandler, setRequestHandler }) {
      const id = requestIdFor(request.headers.get(requestIdHeader));
      ids.set(request, id);
      setRequestHandler((...parameters) => withRequestId(id, () => requestHandler(...parameters)));
    },
    onResponse({ request, response }) {
      response.headers.set(requestIdHeader, ids.get(request) ?? randomUUID());
    },
  };
}
