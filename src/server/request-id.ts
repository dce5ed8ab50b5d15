import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';

const header = 'x-request-id';
const form = /^[\w.:-]{1,100}$/;

const current = new AsyncLocalStorage<string>();

/** The id of the request that is being answered; undefined outside of any. */
export const currentRequestId = (): string | undefined => current.getStore();

/** Gives each request an id, or takes the one it comes with, and says it in the answer: the log has it on every line. */
export function useRequestId(): Plugin {
  const ids = new WeakMap<Request, string>();
  return {
    onRequest({ request, requestHandler, setRequestHandler }) {
      const given = request.headers.get(header) ?? '';
      const id = form.test(given) ? given : randomUUID();
      ids.set(request, id);
      setRequestHandler((...parameters) => current.run(id, () => requestHandler(...parameters)));
    },
    onResponse({ request, response }) {
      response.headers.set(header, ids.get(request) ?? randomUUID());
    },
  };
}
