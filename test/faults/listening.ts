import { once } from 'node:events';
import type { Server } from 'node:http';

export async function listenOn(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

/**
 * Listens on a port that the system gives to no program that asks for any free one, so that the upstream gets it back
 * after it has not listened for a while.
 */
export async function listenOnFreePort(server: Server): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const refused = await listenOn(server, port).catch((error: NodeJS.ErrnoException) => error);
    if (!refused) return port;
    if (refused.code !== 'EADDRINUSE') throw refused;
  }
}
