import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError, systemCode } from '../storage-error.ts';

/** Bytes that are sent. `chunks` begins anew at each call, because a request may be sent again. */
export interface SentBody {
  readonly sizeBytes: number;
  readonly sha256: string;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: SentBody | undefined;
}

/** How long the head of an answer may take, and how long a body may stand still in either direction. */
const answerMs = 30_000;
const stalledMs = 60_000;

/** A body of this size is sent only once the server has agreed to take it, so that it can refuse before. */
export const askFirstBytes = 1024 * 1024;

/** How long the server may take to agree. Afterwards the body is sent all the same, because some never say so. */
const agreeMs = 1_000;

/** The server let a deadline pass. */
export class LateError extends Error {
  override readonly name = 'LateError';

  constructor(ms: number) {
    super(`nothing came from it for ${ms / 1_000} s`);
  }
}

const transports: Readonly<Record<string, typeof http | typeof https>> = { 'http:': http, 'https:': https };

/**
 * Sends one request and resolves with the head of its answer.
 *
 * @throws LateError, the error of the body, or that of the system.
 */
export async function exchange({ method, url, headers, body }: Exchange): Promise<IncomingMessage> {
  const request = (transports[url.protocol] ?? https).request(url, { method, headers });
  // An error after the answer has begun is an error of the answer too, which its reader gets.
  request.on('error', () => {});
  const ms = body ? stalledMs : answerMs;
  const timer = setTimeout(() => request.destroy(new LateError(ms)), ms);
  try {
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    if (body) await send(body, request, answered, () => timer.refresh());
    else request.end();
    const [answer] = await answered;
    // The rest of a refused body is not sent.
    answer.once('close', () => request.writableFinished || request.destroy());
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Begins to send a body, unless the server refuses it before. An error of the body becomes that of the request. */
async function send(
  body: SentBody,
  request: ClientRequest,
  answered: Promise<[IncomingMessage]>,
  onProgress: () => void,
): Promise<void> {
  if (body.sizeBytes >= askFirstBytes) {
    const agreed = Promise.race([once(request, 'continue'), sleep(agreeMs, undefined, { ref: false })]);
    const refused = await Promise.race([agreed.then(() => false), answered.then(() => true)]);
    if (refused) return;
  }
  const chunks = async function* () {
    for await (const chunk of body.chunks()) {
      onProgress();
      yield chunk;
    }
  };
  pipeline(chunks, request, () => {});
}

/**
 * The body of an answer. It fails with StorageError when the connection breaks, or when the server sends nothing for a
 * while; though not while the reader has yet to take what is there.
 */
export function bodyOf(answer: IncomingMessage, place: string): Readable {
  const body = new PassThrough();
  const timer = setTimeout(() => {
    if (body.readableLength > 0) timer.refresh();
    else answer.destroy(new LateError(stalledMs));
  }, stalledMs);
  answer.on('data', () => timer.refresh());
  answer.on('error', (error) => body.destroy(connectionError(place, error)));
  pipeline(answer, body, () => clearTimeout(timer));
  return body;
}

/** The body of an answer as text, up to its first `maxBytes`. */
export async function textOf(answer: IncomingMessage, place: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(answer, place)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString();
}

/** What is wrong with a connection, in words; an error of the body that is sent as it is. */
export function connectionError(place: string, error: Error): StorageError {
  if (error instanceof StorageError) return error;
  const reason = error instanceof LateError ? error.message : (systemCode(error) ?? error.message);
  return new StorageError(`There is no connection to ${place}: ${reason}.`, { cause: error });
}
