import type { Plugin } from 'graphql-yoga';

/** What a part of the service says of itself. */
export interface Finding {
  /** A sentence for an operator; null where all is well. */
  readonly problem: string | null;
  /** Whether the service can answer nothing because of it, so that no more requests should be sent here. */
  readonly unready?: boolean;
  /** Numbers that stand beside it, under their own names. */
  readonly numbers?: Readonly<Record<string, number>>;
}

/** Asks one part of the service how it is. */
export interface Check {
  /** Whether the service can answer nothing without this part, so that its silence counts as `unready`. */
  readonly vital: boolean;
  ask(): Promise<Finding> | Finding;
}

/** How long an answer is good for: strangers may ask as often as they like. */
const keptMs = 1_000;

/** How long a part may take to say how it is. */
const patienceMs = 2_000;

interface Report {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string | number>>;
}

/**
 * `/ready` says whether the service can serve: 503 where a part makes that impossible, otherwise 200, with each part's own
 * words in either. That the process answers at all is said by Yoga's own `/health`.
 */
export function useReadiness(stopping: AbortSignal, checks: Readonly<Record<string, Check>>): Plugin {
  let current: Promise<Report> | undefined;

  /** The report that is being made, or was made a moment ago. */
  function latest(): Promise<Report> {
    current ??= report(checks).finally(() => {
      setTimeout(() => {
        current = undefined;
      }, keptMs).unref();
    });
    return current;
  }

  return {
    // Not async, nor is the URL taken apart: this is asked of every request.
    onRequest({ request, url, fetchAPI: { Response }, endResponse }) {
      if (!request.url.includes('/ready') || url.pathname !== '/ready') return;
      return latest().then(({ ready, parts }) => {
        const serves = ready && !stopping.aborted;
        const service = stopping.aborted ? 'The service is stopping.' : 'ok';
        const body = { status: serves ? 'ready' : 'not ready', service, ...parts };
        endResponse(Response.json(body, { status: serves ? 200 : 503 }));
      });
    },
  };
}

async function report(checks: Readonly<Record<string, Check>>): Promise<Report> {
  const asked = Object.entries(checks).map(async ([part, check]) => [part, await inTime(check)] as const);
  const found = await Promise.all(asked);
  const parts = found.flatMap(([part, { problem, numbers = {} }]) => [
    [part, problem ?? 'ok'] as const,
    ...Object.entries(numbers),
  ]);
  return { ready: !found.some(([, { unready }]) => unready), parts: Object.fromEntries(parts) };
}

/** What a part says, or that it says nothing in time. */
function inTime({ vital, ask }: Check): Promise<Finding> {
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const late = () => resolve({ problem: 'It does not answer.', unready: vital });
  const patience = setTimeout(late, patienceMs);
  Promise.try(ask).then(resolve, late);
  return promise.finally(() => clearTimeout(patience));
}
