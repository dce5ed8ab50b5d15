import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ForeignServer {
  readonly port: number;
  /** The requests that arrived: their first line, headers, and what of their body came with them. */
  readonly requests: string[];
  /** How many connections there were. */
  readonly connections: () => number;
  /** How many of them are open. */
  readonly open: () => number;
}

/** What the server does once the headers of a request have arrived. */
export type ForeignAnswer = (socket: Socket, request: string) => void;

/** A server that writes its answers byte by byte, so that they may be wrong. 127.0.0.1 is for what must not be reached. */
export async function startForeign(answer: ForeignAnswer, host = '127.0.0.2', port = 0): Promise<ForeignServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    let received = '';
    socket.on('data', (data) => {
      const wasWhole = received.includes('\r\n\r\n');
      received += data.toString('latin1');
      if (wasWhole || !received.includes('\r\n\r\n')) return;
      requests.push(received);
      answer(socket, received);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => connections,
    open: () => sockets.size,
  };
}

/** The text of an answer: its status line, its headers, an empty line, its body. */
export const answerText = (
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body = '',
): string =>
  [`HTTP/1.1 ${status} Status`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', body].join(
    '\r\n',
  );

/** Sends an answer and ends the connection. */
export const sends =
  (...parts: readonly (string | Buffer)[]): ForeignAnswer =>
  (socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

export const says = (body: string): ForeignAnswer => sends(answerText(200, { 'content-length': body.length }, body));

export const redirectsTo = (location: string, status = 302): ForeignAnswer =>
  sends(answerText(status, { location, 'content-length': 0 }));
