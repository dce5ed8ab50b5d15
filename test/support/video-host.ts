import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What an MP4 file begins with. */
export const mp4Head = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');

/** A file that begins like an MP4 and goes on with random bytes. */
export const mp4Of = (sizeBytes: number): Buffer => Buffer.concat([mp4Head, randomBytes(sizeBytes - mp4Head.length)]);

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface VideoHost {
  /** The link of the video. */
  readonly link: string;
  /** The host with its port, as OUTBOUND_PRIVATE_HOSTS takes it. */
  readonly host: string;
  /** The headers of each request that came. */
  readonly requests: IncomingMessage['headers'][];
  /** How the next requests are answered; the whole video to begin with. */
  onRequest: RequestListener;
}

/** Serves a video whole or, with If-Range and its ETag, from a byte on. */
export const wholeVideo =
  (video: Buffer): RequestListener =>
  ({ headers }, response) => {
    const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
    const start = from !== undefined && headers['if-range'] === '"v1"' ? Number(from) : 0;
    const part = start > 0 ? { 'content-range': `bytes ${start}-${video.length - 1}/${video.length}` } : {};
    const known = { 'content-type': 'video/mp4', 'accept-ranges': 'bytes', etag: '"v1"' };
    response.writeHead(start > 0 ? 206 : 200, { ...known, ...part, 'content-length': video.length - start });
    response.end(video.subarray(start));
  };

/** Announces the whole video, and breaks the connection after a part of it. */
export const brokenOff =
  (video: Buffer, afterBytes: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': video.length, ...headers });
    response.write(video.subarray(0, afterBytes), () => setTimeout(() => response.destroy(), 20));
  };

/** A real HTTP server in the place of the vendor's video host, on loopback, until the test is over. */
export async function startVideoHost(video: Buffer): Promise<VideoHost> {
  const requests: IncomingMessage['headers'][] = [];
  const videoHost = { link: '', host: '', requests, onRequest: wholeVideo(video) };
  const server = createServer((request, response) => {
    requests.push(request.headers);
    videoHost.onRequest(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  videoHost.host = `127.0.0.1:${port}`;
  videoHost.link = `http://${videoHost.host}/video.mp4?signature=secret`;
  return videoHost;
}
