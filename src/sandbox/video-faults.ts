import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from './read-order.ts';

/** Answers a GET for a video in another way than with the video. `headers` are those of the whole video. */
type Fault = (response: ServerResponse, video: Buffer, headers: object) => void;

/** In how many parts a slow video comes, and the pause after each. */
const slowParts = 20;
const slowPauseMs = 500;

/** Announces the whole video, sends half of it, and ends the connection in the given way. */
const halfThen =
  (end: (response: ServerResponse) => void): Fault =>
  (response, video, headers) => {
    response.writeHead(200, { ...headers, 'content-length': video.length });
    response.write(video.subarray(0, video.length / 2), () => end(response));
  };

async function drip(response: ServerResponse, video: Buffer, headers: object): Promise<void> {
  response.writeHead(200, { ...headers, 'content-length': video.length });
  const partBytes = Math.ceil(video.length / slowParts);
  for (let start = 0; start < video.length && !response.destroyed; start += partBytes) {
    response.write(video.subarray(start, start + partBytes));
    await sleep(slowPauseMs);
  }
  response.end();
}

/** What the host of the videos does wrong, by the outcome that the prompt asked for. */
export const videoFaults: Partial<Record<Outcome, Fault>> = {
  'video-slow': (...parameters) => void drip(...parameters),
  'video-truncated': halfThen((response) => response.socket?.end()),
  'video-reset': halfThen((response) => response.socket?.resetAndDestroy()),
  'video-page': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sorry</title>'),
  'video-refused': (response) => response.writeHead(403).end(),
};
