import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphqlServer } from './yoga.ts';

export interface Listener {
  readonly url: string;
  /** Takes no more connections and resolves when the last one is closed. */
  close(): Promise<void>;
}

/** How long a closing server waits for answers that are still being read, or requests that are still being sent. */
const closeGraceMs = 2_000;

/** How often a closing server looks for connections that have become idle. */
const closeIntervalMs = 20;

/** Serves on `host` and `port`. */
export async function listen(server: GraphqlServer, { host, port }: { host: string; port: number }): Promise<Listener> {
  const http = createServer(server);
  http.listen(port, host);
  await once(http, 'listening');
  const address = http.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/graphql`,
    async close() {
      const closed = once(http, 'close');
      http.close();
      // A keep-alive connection counts as open until its last answer is through and somebody closes it.
      const closing = setInterval(() => http.closeIdleConnections(), closeIntervalMs);
      const patience = setTimeout(() => http.closeAllConnections(), closeGraceMs);
      await closed;
      clearInterval(closing);
      clearTimeout(patience);
    },
  };
}
