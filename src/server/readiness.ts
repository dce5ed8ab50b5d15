import type { Plugin } from 'graphql-yoga';

/** Asks one part of the service whether it works: null, or what is wrong. */
export type Check = () => Promise<string | null> | string | null;

/**
 * `/ready` says whether the service can do its work: 503 with the reason where it cannot. That the process answers at
 * all is said by Yoga's own `/health`.
 */
export function useReadiness(checks: Readonly<Record<string, Check>>): Plugin {
  return {
    // Not async, nor is the URL taken apart: this is asked of every request.
    onRequest({ request, url, fetchAPI: { Response }, endResponse }) {
      if (!request.url.includes('/ready') || url.pathname !== '/ready') return;
      return report(checks).then(({ ready, parts }) => {
        const status = ready ? 200 : 503;
        endResponse(Response.json({ status: ready ? 'ready' : 'not ready', ...parts }, { status }));
      });
    },
  };
}

async function report(checks: Readonly<Record<string, Check>>) {
  const results = Object.entries(checks).map(async ([part, check]) => [part, (await check()) ?? 'ok'] as const);
  const parts = Object.fromEntries(await Promise.all(results));
  return { ready: Object.values(parts).every((result) => result === 'ok'), parts };
}
