import type { RequestListener, ServerResponse } from 'node:http';
import { brokenOff, wholeVideo } from '../support/video-host.ts';

/** What a request for a video can be answered with. */
interface Asked {
  readonly video: Buffer;
  /** How many requests without a range have come for this video, this one included. */
  readonly attempt: number;
  /** Where the same video is served as a whole. */
  readonly wholeUrl: string;
  /** A URL of the server that must never be called. */
  readonly trapUrl: string;
}

/** What a video host does with one video, and what has to become of it. */
export interface Way {
  readonly serve: (asked: Asked) => RequestListener;
  /** Null where it has to be stored; otherwise what the reason says, where it cannot be. */
  readonly reason: RegExp | null;
  /** Whether the link has a name instead of an address. It leads to the trap at each second look-up. */
  readonly rebinds?: boolean;
}

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end();

const htmlPage: RequestListener = (_, response) =>
  void response.writeHead(200, { 'content-type': 'video/mp4' }).end('<html><body>Please sign in.</body></html>');

/** The headers of a host that sends the rest of a file too. */
const resumable = { 'accept-ranges': 'bytes', etag: '"v1"' };

const half = (video: Buffer): number => Math.floor(video.length / 2);

const cutShort = ({ video }: Asked): RequestListener => brokenOff(video, half(video));

/** Resets the connection after half of the video. A request for the rest gets it. */
const resetInTheMiddle =
  (video: Buffer, headers: Record<string, string>): RequestListener =>
  (request, response) => {
    if (request.headers.range) return wholeVideo(video)(request, response);
    response.writeHead(200, { 'content-length': video.length, ...headers });
    const reset = () => void setTimeout(() => response.socket?.resetAndDestroy(), 20);
    response.write(video.subarray(0, half(video)), reset);
  };

/** Half of the video in chunks, of which the last one never comes. */
const unfinishedChunks =
  ({ video }: Asked): RequestListener =>
  (_, response) =>
    void response.writeHead(200).write(video.subarray(0, half(video)), () => setTimeout(() => response.destroy(), 20));

/** Ends the connection where the file ends, as in HTTP/1.0, so that a part cannot be told from the whole. */
const withoutLength =
  ({ video }: Asked): RequestListener =>
  (_, response) => {
    response.removeHeader('transfer-encoding');
    response.writeHead(200, { connection: 'close' }).end(video.subarray(0, half(video)));
  };

/** Less than the time limit of the service, so that a run does not have to wait for that. */
const standsStillMs = 3_000;

const standsStill =
  ({ video }: Asked): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'content-length': video.length }).write(video.subarray(0, half(video)));
    setTimeout(() => response.destroy(), standsStillMs);
  };

const dripMs = 100;
const drips = 10;

const drip =
  ({ video }: Asked): RequestListener =>
  (_, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': video.length });
    const size = Math.ceil(video.length / drips);
    let sent = 0;
    const timer = setInterval(() => {
      response.write(video.subarray(sent, sent + size));
      sent += size;
      if (sent >= video.length) response.end();
    }, dripMs);
    response.on('close', () => clearInterval(timer));
  };

/** After the break comes another file, as where the host has replaced it meanwhile. */
const changedMeanwhile =
  ({ video }: Asked): RequestListener =>
  (request, response) => {
    if (!request.headers.range) return resetInTheMiddle(video, resumable)(request, response);
    response.writeHead(200, { 'content-length': video.length, etag: '"v2"' }).end(Buffer.alloc(video.length, 'x'));
  };

/** The first request is answered so, and all later ones with the video. */
const atFirst =
  (serve: Way['serve']): Way['serve'] =>
  (asked) =>
    asked.attempt === 1 ? serve(asked) : wholeVideo(asked.video);

const whole: Way['serve'] = ({ video }) => wholeVideo(video);
const forbidden: Way['serve'] = () => status(403);
const html: Way['serve'] = () => htmlPage;

const brokeOff = /broke off/;
const notPublic = /public/;

/** Everything that a video host does to a download. Each has the same share of the tasks. */
export const ways = {
  whole: { serve: whole, reason: null },
  'cut short at first': { serve: atFirst(cutShort), reason: null },
  'cut short': { serve: cutShort, reason: brokeOff },
  'unfinished chunks at first': { serve: atFirst(unfinishedChunks), reason: null },
  'unfinished chunks': { serve: unfinishedChunks, reason: brokeOff },
  'reset, and the rest': { serve: ({ video }) => resetInTheMiddle(video, resumable), reason: null },
  reset: { serve: ({ video }) => resetInTheMiddle(video, {}), reason: brokeOff },
  'changed meanwhile': { serve: changedMeanwhile, reason: /does not send the rest/ },
  'without its length': { serve: withoutLength, reason: /does not say where the file ends/ },
  'an HTML page at first': { serve: atFirst(html), reason: null },
  'an HTML page': { serve: html, reason: /not an MP4 video/ },
  'forbidden at first': { serve: atFirst(forbidden), reason: null },
  forbidden: { serve: forbidden, reason: /HTTP 403/ },
  'stands still at first': { serve: atFirst(standsStill), reason: null },
  'slow drip': { serve: drip, reason: null },
  redirected: { serve: ({ wholeUrl }) => status(302, { location: wholeUrl }), reason: null },
  'redirected to the trap': { serve: ({ trapUrl }) => status(302, { location: trapUrl }), reason: notPublic },
  'a rebinding name': { serve: whole, reason: null, rebinds: true },
  // Only the rest of the file needs a second look-up, and that leads to the trap.
  'a rebinding name, and a reset': {
    serve: ({ video }) => resetInTheMiddle(video, resumable),
    reason: notPublic,
    rebinds: true,
  },
} satisfies Record<string, Way>;

export type WayName = keyof typeof ways;
export const wayNames = Object.keys(ways) as WayName[];
