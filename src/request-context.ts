import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Facts about the request that is being answered. Any code that runs during it can read them, so they are not passed as
 * parameters.
 */
export interface RequestContext {
  /** The id that all log lines of the request have. */
  readonly requestId: string;
}

const current = new AsyncLocalStorage<RequestContext>();

/** The context of the request that is being answered; undefined outside of any. */
export const currentRequest = (): RequestContext | undefined => current.getStore();

/** Runs `run` and all that it starts within the context of a request. */
export const withRequest = <Result>(context: RequestContext, run: () => Result): Result => current.run(context, run);
