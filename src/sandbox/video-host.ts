import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { rangeIn } from '../byte-range.ts';
import { fromTaskId, type SandboxTask } from './sandbox-task-id.ts';
import { videoFaults } from './video-faults.ts';

const preflightHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': 'Range, If-None-Match, If-Range',
  'access-control-max-age': '86400',
};

/** Serves finished videos, all of them the sample, as a CDN does: whole or in part, to browsers and their preflights too. */
export function createVideoHost(): (request: IncomingMessage, response: ServerResponse) => void {
  const video = readFileSync(new URL('sample.mp4', import.meta.url));
  const headers = headersOf(video);
  return ({ method, url = '', headers: asked }, response) => {
    const task = taskOf(url);
    if (!task) return void response.writeHead(404).end();
    if (method === 'OPTIONS') return void response.writeHead(204, preflightHeaders).end();
    if (method !== 'GET' && method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD, OPTIONS' }).end();
    const fault = method === 'GET' ? videoFaults[task.outcome] : undefined;
    if (fault) return fault(response, video, headers);
    if (asked['if-none-match'] === headers.etag) return void response.writeHead(304, headers).end();
    const isSame = asked['if-range'] === undefined || asked['if-range'] === headers.etag;
    const range = method === 'GET' && isSame ? rangeIn(asked.range, video.length) : null;
    if (range && range.start >= video.length) {
      const none = { ...headers, 'content-range': `bytes */${video.length}`, 'content-length': 0 };
      return void response.writeHead(416, none).end();
    }
    const body = range ? video.subarray(range.start, range.end + 1) : video;
    const part = range && { 'content-range': `bytes ${range.start}-${range.end}/${video.length}` };
    response.writeHead(range ? 206 : 200, { ...headers, ...part, 'content-length': body.length });
    response.end(method === 'HEAD' ? undefined : body);
  };
}

/** The task whose finished video a URL names; null where it names none. */
const taskOf = (url: string): SandboxTask | null => fromTaskId(/^\/videos\/([^/?]+)\.mp4(?:\?|$)/.exec(url)?.[1] ?? '');

/** What the host says of each video: any page may play it, from any place in it. */
const headersOf = (video: Buffer) => ({
  'content-type': 'video/mp4',
  'accept-ranges': 'bytes',
  'cache-control': 'public, max-age=86400',
  etag: `"${createHash('sha256').update(video).digest('hex').slice(0, 16)}"`,
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Accept-Ranges, Content-Length, Content-Range, ETag',
});
