import { AsyncLocalStorage } from 'node:async_hooks';

/** What is known of the request under way wherever it is being answered, without being handed on. */
export interface RequestContext {
  /** The id that all log lines of the request have. */
  readonly requestId: string;
}

const current = new AsyncLocalStorage<RequestContext>();

/** The context of the request that is being answered; undefined outside of any. */
export const currentRequest = (): RequestContext | undefined => current.getStore();

/** Runs what belongs to a request. */
export const withRequest = <Result>(context: RequestContext, run: () => Result): Result => current.run(context, run);
