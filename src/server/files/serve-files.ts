import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { type ByteRange, rangeIn } from '../../byte-range.ts';
import { inlineAs } from '../../files/content-disposition.ts';
import type { ByteRate } from '../../media/byte-rate.ts';
import type { LinkedFile, Media } from '../../media/media.ts';
import { securityHeaders } from '../plugins/security-headers.ts';

/** Any page may read a file, because its link is all that it takes; a link is not sent along by a browser. */
export const openHeaders = {
  ...securityHeaders,
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Accept-Ranges, Content-Length, Content-Range, ETag',
  'cross-origin-resource-policy': 'cross-origin',
};

const preflightHeaders = {
  ...openHeaders,
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': 'Range, If-None-Match, If-Range',
  'access-control-max-age': '86400',
};

type Served = Pick<Media, 'findLinked' | 'sendRate'>;

/**
 * Serves stored files past Yoga: whole or in part, to GET and HEAD. A link that is not valid is answered with 403 and
 * nothing else, whatever is wrong with it.
 */
export function serveFiles(media: Served, log: Logger, next: RequestListener): RequestListener {
  return (request, response) => {
    if (!request.url?.startsWith('/files/')) return next(request, response);
    answer(media, request, response).catch((err: unknown) => {
      // A client that leaves in the middle of a file is no fault of the service.
      if (!response.destroyed) log.error({ err }, 'file not served');
      if (response.headersSent) response.destroy();
      else end(response, 503, { 'retry-after': '5' });
    });
  };
}

/** Answers without a body. */
function end(response: ServerResponse, status: number, headers: Record<string, string | number> = {}): void {
  response.writeHead(status, { ...openHeaders, 'content-length': 0, ...headers }).end();
}

async function answer(media: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '', headers } = request;
  if (method === 'OPTIONS') return void response.writeHead(204, preflightHeaders).end();
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, { allow: 'GET, HEAD, OPTIONS' });
  const file = await media.findLinked(url);
  if (file === null) return end(response, 403);
  if (file === 'GONE') return end(response, 404);
  const known = headersOf(file);
  if (headers['if-none-match']?.includes(known.etag)) return void response.writeHead(304, known).end();
  const isSame = headers['if-range'] === undefined || headers['if-range'] === known.etag;
  const range = method === 'GET' && isSame ? rangeIn(headers.range, file.sizeBytes) : null;
  if (range && range.start >= file.sizeBytes) {
    return end(response, 416, { 'content-range': `bytes */${file.sizeBytes}` });
  }
  if (method === 'HEAD') return void response.writeHead(200, { ...known, 'content-length': file.sizeBytes }).end();
  const storeUrl = await file.storeUrl();
  if (storeUrl !== null) return end(response, 302, { location: storeUrl });
  await send(file, range, known, response, media.sendRate);
}

async function send(
  file: LinkedFile,
  range: ByteRange | null,
  known: ReturnType<typeof headersOf>,
  response: ServerResponse,
  rate: ByteRate,
): Promise<void> {
  const sent = range ?? { start: 0, end: file.sizeBytes - 1 };
  const parts = await file.parts(sent);
  if (parts === null) return end(response, 404);
  const part = range && { 'content-range': `bytes ${sent.start}-${sent.end}/${file.sizeBytes}` };
  const sizeBytes = sent.end - sent.start + 1;
  response.writeHead(range ? 206 : 200, { ...known, ...part, 'content-length': sizeBytes });
  if ((await write(parts, response, rate)) < sizeBytes) throw new Error('The file store has lost a part of a file.');
  response.end();
}

/** Writes each part when the rate allows it, and only after the one before it has left. Returns how many bytes they had. */
async function write(parts: AsyncIterable<Uint8Array>, response: ServerResponse, rate: ByteRate): Promise<number> {
  const left = new AbortController();
  let onLeft = () => {};
  response.once('close', () => {
    left.abort();
    onLeft();
  });
  let bytes = 0;
  for await (const part of parts) {
    await rate.take(part.length, left.signal);
    await new Promise((resolve, reject) => {
      onLeft = () => reject(new Error('The reader has left.'));
      if (response.destroyed) onLeft();
      else response.write(part, resolve);
    });
    bytes += part.length;
  }
  return bytes;
}

const headersOf = ({ contentType, sha256, fileName, expiresAt }: LinkedFile) => ({
  ...openHeaders,
  'content-type': contentType,
  'content-disposition': inlineAs(fileName),
  'accept-ranges': 'bytes',
  // Until the link ends, and not for shared caches: the video is one client's.
  'cache-control': `private, max-age=${Math.max(0, Math.floor((expiresAt.getTime() - Date.now()) / 1_000))}, immutable`,
  etag: `"${sha256}"`,
});
