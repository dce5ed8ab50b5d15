import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { securityHeaders } from '../plugins/security-headers.ts';

/**
 * How many pipelined requests may wait on one connection. A connection with more is closed, because each waiting
 * request takes memory.
 */
const maxWaiting = 32;

interface Connection {
  /** How many requests wait until the ones before them are answered. */
  waiting: number;
  newest?: { readonly request: IncomingMessage; readonly response: ServerResponse };
  /** The answer to the request whose remaining bytes cannot be parsed. */
  refusal?: string;
}

/**
 * Answers the pipelined requests of a connection one after another, because HTTP requires that for methods that are not
 * safe (RFC 9112, 9.3.2), and so that no request is started for a client that has left. Closes a connection whose bytes
 * are not a request.
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
    // Node assigns a response its socket when all responses before it are finished.
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
    // The current request is the broken one. If its answer has begun, the connection can only be closed.
    if (!request.complete && response.socket) return close(socket, response.headersSent ? '' : refusal);
    // The client has closed its side of the connection.
    if (socket.readableEnded) return close(socket, '');
    if (request.complete && connection.refusal === undefined) closeAfter(response, socket);
    connection.refusal = refusal;
  });
}

/** Ignores the errors of a request or response: without a listener Node would end the process. */
export const keepErrors = (message: IncomingMessage | ServerResponse): void => void message.on('error', () => {});

/** The status for a parse error of Node's; 400 for all others. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Sends a last answer, then closes the connection. */
function close(socket: Socket, lastWord: string): void {
  if (socket.writable) socket.end(lastWord);
  socket.destroySoon();
}

/** Closes the connection after this response, and sends nothing more that a client could take for its next answer. */
function closeAfter(response: ServerResponse, socket: Socket): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
}

const refusalHeaders = { ...securityHeaders, 'content-type': 'application/json', connection: 'close' };
const refusalBody = JSON.stringify({ errors: [{ message: 'Bad request.', extensions: { code: 'BAD_REQUEST' } }] });

/** Answers a request whose target and host form no URL. */
export const refuse = (response: ServerResponse): void => void response.writeHead(400, refusalHeaders).end(refusalBody);

/** The raw HTTP answer to bytes that are not a request. */
function refusalOf(status: number): string {
  const headers = { ...refusalHeaders, 'content-length': refusalBody.length };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${refusalBody}`;
}
