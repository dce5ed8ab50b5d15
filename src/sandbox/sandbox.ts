import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { models } from '../catalogue/models.ts';
import { readJson } from './json-body.ts';
import { outcomeOf, readOrder } from './read-order.ts';
import { fromTaskId, type SandboxTask, toTaskId } from './sandbox-task-id.ts';
import { createVideoHost } from './video-host.ts';

export interface Sandbox {
  /** What stands in for the upstream's base URL. */
  readonly url: string;
  stop(): Promise<void>;
}

const queuedMs = 3_000;
const finishedMs = 10_000;
const slowFinishedMs = 60_000;

/** Starts the stand-in upstream on loopback: the same API, no money, a finished video after about ten seconds. */
export async function startSandbox(port: number): Promise<Sandbox> {
  const serveVideo = createVideoHost();
  const server = createServer((request, response) => {
    // Node ends the process with errors that have no listener.
    response.on('error', () => {});
    if (request.url?.startsWith('/videos/')) return serveVideo(request, response);
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  // As accept(2) passes on what befalls a connection before it is taken.
  server.on('error', () => {});
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A status and a body; null where the connection breaks instead. */
type Reply = readonly [status: number, body: object] | null;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = await replyTo(request);
  if (reply === null) return void response.destroy();
  const [status, body] = reply;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function replyTo(request: IncomingMessage): Promise<Reply> {
  const { method, url = '', headers } = request;
  if (!headers.authorization?.startsWith('Bearer ')) return refusal(401, 'The Authorization header is missing.');
  if (method === 'POST' && url === '/v1/grok/videos') return submit(await readJson(request));
  const [, id] = /^\/v1\/result\/([^/]+)$/.exec(url) ?? [];
  if (method === 'GET' && id !== undefined) return query(id, `http://${headers.host}/videos/${id}.mp4`);
  return refusal(404, 'There is nothing here.');
}

function submit(body: unknown): Reply {
  const order = readOrder(body);
  if (typeof order === 'string') return refusal(400, order);
  const outcome = outcomeOf(order.prompt);
  if (outcome === 'refuse') return refusal(400, 'The prompt asked the sandbox to refuse the order.');
  // Accepted, and nobody will ever hear of it.
  if (outcome === 'lost') return null;
  const task: SandboxTask = {
    createdAtMs: Date.now(),
    upstreamModel: models[order.model].upstreamName,
    durationSeconds: order.durationSeconds,
    outcome,
  };
  return [200, { id: toTaskId(task), ...describe(task), status: 'queued', error: null }];
}

function query(id: string, videoUrl: string): Reply {
  const task = fromTaskId(id);
  if (!task) return refusal(404, 'The task does not exist.');
  const nothing = { video_url: null, actualDuration: null, error: null };
  return [200, { id, ...describe(task), ...nothing, ...progressOf(task, videoUrl) }];
}

function progressOf({ createdAtMs, durationSeconds, outcome }: SandboxTask, videoUrl: string): object {
  const ageMs = Date.now() - createdAtMs;
  if (ageMs < queuedMs) return { status: 'queued' };
  if (ageMs < (outcome === 'slow' ? slowFinishedMs : finishedMs)) return { status: 'processing' };
  if (outcome === 'moderation')
    return { status: 'failed', error: 'Content moderation: the prompt violates the policy.' };
  return { status: 'completed', video_url: outcome === 'no-url' ? null : videoUrl, actualDuration: durationSeconds };
}

const describe = ({ createdAtMs, upstreamModel }: SandboxTask) => ({
  object: 'video',
  created: Math.floor(createdAtMs / 1_000),
  model: upstreamModel,
});

/** Enough of what is wrong with an order. */
const maxReasonLength = 500;

const refusal = (status: number, message: string): Reply => [
  status,
  { error: { message: message.slice(0, maxReasonLength) } },
];
