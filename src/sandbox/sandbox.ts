import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { models } from '../catalogue/models.ts';
import { readJson } from './json-body.ts';
import { outcomeOf, readOrder } from './read-order.ts';
import { type AccountLimits, SandboxAccount } from './sandbox-account.ts';
import { fromTaskId, type SandboxTask, toTaskId } from './sandbox-task-id.ts';
import { createVideoHost } from './video-host.ts';

export interface Sandbox {
  /** The base URL to use in the place of the upstream's. */
  readonly url: string;
  stop(): Promise<void>;
}

const queuedMs = 3_000;
const finishedMs = 10_000;
const slowFinishedMs = 60_000;

export interface SandboxSettings extends AccountLimits {
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * Starts the sandbox on loopback. It has the upstream's API, costs nothing, and finishes a video after about ten
 * seconds.
 */
export async function startSandbox({ port, ...limits }: SandboxSettings): Promise<Sandbox> {
  const serveVideo = createVideoHost();
  const account = new SandboxAccount(limits);
  const server = createServer((request, response) => {
    // Without a listener, an error of the response would end the process.
    response.on('error', () => {});
    if (request.url?.startsWith('/videos/')) return serveVideo(request, response);
    answer(request, response, account).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  // Ignored, because accept(2) also reports errors of single connections here.
  server.on('error', () => {});
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A status, a body and further headers; null to break the connection instead. */
type Reply = readonly [status: number, body: object, headers?: Record<string, string>] | null;

async function answer(request: IncomingMessage, response: ServerResponse, account: SandboxAccount): Promise<void> {
  const reply = await replyTo(request, account);
  if (reply === null) return void response.destroy();
  const [status, body, headers] = reply;
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function replyTo(request: IncomingMessage, account: SandboxAccount): Promise<Reply> {
  const { method, url = '', headers } = request;
  if (!headers.authorization?.startsWith('Bearer ')) return refusal(401, 'The Authorization header is missing.');
  if (method === 'POST' && url === '/v1/grok/videos') return submit(await readJson(request), account);
  const [, id] = /^\/v1\/result\/([^/]+)$/.exec(url) ?? [];
  if (method === 'GET' && id !== undefined) return query(id, `http://${headers.host}/videos/${id}.mp4`);
  return refusal(404, 'There is nothing here.');
}

function submit(body: unknown, account: SandboxAccount): Reply {
  const order = readOrder(body);
  if (typeof order === 'string') return refusal(400, order);
  const outcome = outcomeOf(order.prompt);
  if (outcome === 'refuse') return refusal(400, 'The prompt asked the sandbox to refuse the order.');
  const refused = account.take();
  if (refused) return [...refusal(refused.status, refused.message), refused.headers];
  // The order counts as accepted, but its answer is lost.
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

/** How many characters of a reason are sent. */
const maxReasonLength = 500;

const refusal = (status: number, message: string) =>
  [status, { error: { message: message.slice(0, maxReasonLength) } }] as const;
