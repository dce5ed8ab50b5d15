import type { Plugin } from 'graphql-yoga';

/** Asks one part of the service whether it works: null, or what is wrong. */
export type Check = () => Promise<string | null> | string | null;

/**
 * `/health` says that the process answers, `/ready` whether it can do its work: 503 with the reason where it cannot.
 */
export function useHealth(checks: Readonly<Record<string, Check>>): Plugin {
  return {
    async onRequest({ url, fetchAPI: { Response }, endResponse }) {
      if (url.pathname === '/health') endResponse(Response.json({ status: 'ok' }));
      if (url.pathname !== '/ready') return;
      const results = Object.entries(checks).map(async ([part, check]) => [part, (await check()) ?? 'ok'] as const);
      const parts = Object.fromEntries(await Promise.all(results));
      const ready = Object.values(parts).every((result) => result === 'ok');
      endResponse(Response.json({ status: ready ? 'ready' : 'not ready', ...parts }, { status: ready ? 200 : 503 }));
    },
  };
}
