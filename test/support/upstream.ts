import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** How the upstream answers one request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface TestUpstream {
  readonly url: string;
  /** The bodies of all submits that arrived, in order: what has been paid. */
  readonly submits: Record<string, unknown>[];
  /** The Authorization header of every request. */
  readonly keys: (string | undefined)[];
  /** The upstream ids of all checks, in order. */
  readonly checks: string[];
  /** How submits are answered: accepted with the ids video_1, video_2, … */
  onSubmit: Answer;
  /** How checks are answered: completed. */
  onCheck: Answer;
}

export const apiKey = 'sk-test-4f9d1c';
export const videoUrl = 'https://videos.example.com/1.mp4';

/** An answer with a status and, as JSON or as it is, a body. */
export const reply =
  (status: number, body: unknown = '', headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

/** The connection breaks before a byte of the answer. */
export const reset: Answer = (response) => void response.destroy();

/** The answer never comes. */
export const hang: Answer = () => {};

/** The answer breaks off in the middle of its body. */
export const halfBody =
  (body: string, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length * 2 });
    response.write(body, () => setTimeout(() => response.destroy(), 20));
  };

/** What the upstream says of the task that it is asked about. */
export const status =
  (word: string, more: object = {}): Answer =>
  (response, request) => {
    const id = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
    const nothing = { video_url: null, actualDuration: null, error: null };
    reply(200, { id, object: 'video', status: word, ...nothing, ...more })(response, request);
  };

export const completed = status('completed', { video_url: videoUrl, actualDuration: 10 });

/** Each request gets the next answer; the last answer is repeated. */
export function inTurn(...answers: Answer[]): Answer {
  return (response, request) => (answers.length > 1 ? answers.shift() : answers[0])?.(response, request);
}

/** A real HTTP server in the place of the upstream, on loopback, below a path, until the test is over. */
export async function startUpstream(path = '/'): Promise<TestUpstream> {
  const submitPath = `${path}/v1/grok/videos`.replace(/\/+/g, '/');
  const upstream = {
    url: '',
    submits: [] as Record<string, unknown>[],
    keys: [] as (string | undefined)[],
    checks: [] as string[],
    onSubmit: ((response, request) =>
      reply(200, { id: `video_${upstream.submits.length}`, status: 'queued', error: null })(
        response,
        request,
      )) as Answer,
    onCheck: completed,
  };
  const server = createServer(async (request, response) => {
    upstream.keys.push(request.headers.authorization);
    if (request.method === 'POST' && request.url === submitPath) {
      upstream.submits.push(JSON.parse(await text(request)));
      upstream.onSubmit(response, request);
    } else {
      upstream.checks.push(decodeURIComponent(request.url?.split('/').at(-1) ?? ''));
      upstream.onCheck(response, request);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}
