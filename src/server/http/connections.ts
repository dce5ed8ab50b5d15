import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { securityHeaders } from '../plugins/security-headers.ts';

/** A connection with more requests than this that wait for their turn is closed, because each of them is kept. */
const maxWaiting = 32;

interface Connection {
  /** How many requests wait until those before them are answered. */
  waiting: number;
  newest?: { readonly request: IncomingMessage; readonly response: ServerResponse };
  /** What is said to the request of which no more can be read. */
  refusal?: string;
}

/**
 * Answers the requests of a connection one after the other, because HTTP allows nothing else where methods are not safe
 * (RFC 9112, 9.3.2), and what is answered in turn is begun for a client that is still there. Closes a connection whose
 * bytes are no request.
 */
export function answerInTurn(http: Server, listener: RequestListener): void {
  const connections = new WeakMap<Socket, Connection>();

  http.on('connection', (socket) => connections.set(socket, { waiting: 0 }));

  http.on('request', (request, response) => {
    const { socket } = request;
    const connection = connections.get(socket) ?? { waiting: 0 };
    connection.newest = { request, response };
    keepErrors(request);
    keepErrors(response);
    // Node gives a response its socket when its turn has come.
    if (response.socket) return listener(request, response);
    connection.waiting += 1;
    response.once('socket', () => {
      connection.waiting -= 1;
      if (connection.refusal !== undefined && !request.complete) close(socket, connection.refusal);
      else listener(request, response);
    });
    if (connection.waiting > maxWaiting) socket.destroy();
  });

  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const connection = connections.get(socket);
    const refusal = refusalOf(statuses[error.code ?? ''] ?? 400);
    const { request, response } = connection?.newest ?? {};
    if (!connection || !request || !response || response.writableFinished) return close(socket, refusal);
    // The request under way is the one that is broken; an answer that has begun can only be broken off.
    if (!request.complete && response.socket) return close(socket, response.headersSent ? '' : refusal);
    // The client has closed its side, which is how clients leave.
    if (socket.readableEnded) return close(socket, '');
    if (request.complete && connection.refusal === undefined) closeAfter(response, socket);
    connection.refusal = refusal;
  });
}

/** Keeps the errors of one side of an exchange from ending the process, as Node does with those that have no listener. */
export const keepErrors = (message: IncomingMessage | ServerResponse): void => void message.on('error', () => {});

/** What Node says of bytes that are no request, as a status; of all others it is 400. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Closes a connection after what was said on it, and a last word. */
function close(socket: Socket, lastWord: string): void {
  if (socket.writable) socket.end(lastWord);
  socket.destroySoon();
}

/** Closes a connection after this answer and without another word, which could be taken for the next answer. */
function closeAfter(response: ServerResponse, socket: Socket): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
}

const refusalHeaders = { ...securityHeaders, 'content-type': 'application/json', connection: 'close' };
const refusalBody = JSON.stringify({ errors: [{ message: 'Bad request.', extensions: { code: 'BAD_REQUEST' } }] });

/** Answers a request of which no URL can be made. */
export const refuse = (response: ServerResponse): void => void response.writeHead(400, refusalHeaders).end(refusalBody);

/** The answer to bytes that are no request. */
function refusalOf(status: number): string {
  const headers = { ...refusalHeaders, 'content-length': refusalBody.length };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${refusalBody}`;
}
