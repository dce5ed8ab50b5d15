import type { Plugin } from 'graphql-yoga';

/** The state of one part of the service. */
export interface Finding {
  /** A sentence for the operator; null where the part works. */
  readonly problem: string | null;
  /** Whether the service can answer no request because of this problem, so that `/ready` is 503. */
  readonly unready?: boolean;
  /** Numbers that `/ready` shows beside it, by name. */
  readonly numbers?: Readonly<Record<string, number>>;
}

/** Finds out the state of one part of the service. */
export interface Check {
  /**
   * Whether the service can answer no request without this part. Then a check that does not answer in time counts as
   * `unready`.
   */
  readonly vital: boolean;
  ask(): Promise<Finding> | Finding;
}

/** How long a report is reused, because `/ready` needs no credentials and may be asked at any rate. */
const keptMs = 1_000;

/** How long a check may take. */
const maxCheckMs = 2_000;

interface Report {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string | number>>;
}

/**
 * Answers `/ready`: 503 where a part keeps the service from answering, otherwise 200, with a sentence for each part in
 * both cases. Yoga's own `/health` says only that the process answers.
 */
export function useReadiness(stopping: AbortSignal, checks: Readonly<Record<string, Check>>): Plugin {
  let current: Promise<Report> | undefined;

  /** The report under way, or the last one while it is fresh. */
  function latest(): Promise<Report> {
    current ??= report(checks).finally(() => {
      setTimeout(() => {
        current = undefined;
      }, keptMs).unref();
    });
    return current;
  }

  return {
    // This hook runs for every request, so it is not async and parses no URL unless it has to.
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

/** The finding of a check, or that it did not answer in time. */
function inTime({ vital, ask }: Check): Promise<Finding> {
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const late = () => resolve({ problem: 'It does not answer.', unready: vital });
  const timer = setTimeout(late, maxCheckMs);
  Promise.try(ask).then(resolve, late);
  return promise.finally(() => clearTimeout(timer));
}
