import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request for GraphQL, as the service got it. */
export interface Seen {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface CountingProxy {
  readonly url: string;
  /** Every request so far, in order; a test may empty it. */
  readonly seen: Seen[];
  stop(): Promise<void>;
}

/** A server in front of the service that notes what it is asked and passes everything on, streams too. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    seen.push(read(request, body));
    const { method = '', url = '', headers } = request;
    const onward = forward(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    seen,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function read({ url = '' }: IncomingMessage, body: string): Seen {
  if (body !== '') return JSON.parse(body);
  const { searchParams } = new URL(url, 'http://localhost');
  return { query: searchParams.get('query') ?? '', variables: JSON.parse(searchParams.get('variables') ?? '{}') };
}
