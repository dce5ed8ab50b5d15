import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { type ByteRange, rangeIn } from '../../byte-range.ts';
import { inlineAs } from '../../files/content-disposition.ts';
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
  rate: Served['sendRate'],
): Promise<void> {
  const body = await file.open(range);
  if (body === null) return end(response, 404);
  const { start, end: last } = range ?? { start: 0, end: file.sizeBytes - 1 };
  const part = range && { 'content-range': `bytes ${start}-${last}/${file.sizeBytes}` };
  response.writeHead(range ? 206 : 200, { ...known, ...part, 'content-length': last - start + 1 });
  const left = new AbortController();
  response.once('close', () => left.abort());
  await pipeline(body, (parts: AsyncIterable<Buffer>) => rate.pace(parts, left.signal), response);
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
