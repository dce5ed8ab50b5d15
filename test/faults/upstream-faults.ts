import type { ServerResponse } from 'node:http';
import { apiKey } from './service.ts';

/** One request and what is needed to answer it. */
export interface Exchange {
  readonly response: ServerResponse;
  /** The answer as it would be if nothing went wrong, as JSON. */
  readonly body: string;
  /** The request's Authorization header, which a careless upstream puts into its error text. */
  readonly authorization: string;
  /** Called as soon as the bytes that contain the upstream's id have left for the client. */
  readonly delivered: () => void;
}

export type Fault = (exchange: Exchange) => void;

const json = { 'content-type': 'application/json' };

/** A whole answer; `withId` where the upstream's id can be read in it. */
const answer =
  (status: number, bodyOf: (exchange: Exchange) => string, { headers = {}, withId = false } = {}): Fault =>
  (exchange) => {
    exchange.response.writeHead(status, { ...json, ...headers });
    exchange.response.end(bodyOf(exchange), () => withId && exchange.delivered());
  };

/** The client has what was written before the end, because a FIN, unlike a reset, discards nothing. */
const breakOffMs = 20;

/** The connection breaks off after this much of the answer. */
const half =
  (partOf: (body: string) => string, withId: boolean, status = 200): Fault =>
  ({ response, body, delivered }) => {
    response.writeHead(status, { ...json, 'content-length': body.length });
    response.write(partOf(body), () => {
      if (withId) delivered();
      setTimeout(() => response.destroy(), breakOffMs);
    });
  };

/** Begins with a valid answer and then sends a byte now and then, for longer than any timeout. */
const drip =
  (partOf: (body: string) => string, withId: boolean, status = 200): Fault =>
  ({ response, body, delivered }) => {
    response.writeHead(status, json);
    response.write(partOf(body), () => withId && delivered());
    const dripping = setInterval(() => response.write(' '), 30);
    response.on('close', () => clearInterval(dripping));
  };

const beforeId = (body: string): string => body.slice(0, body.indexOf(':') + 4);
const pastId = (body: string): string => body.slice(0, body.indexOf(',') + 3);

export const ok: Fault = answer(200, ({ body }) => body, { withId: true });
const html: Fault = answer(200, () => '<html><body>Maintenance</body></html>', {
  headers: { 'content-type': 'text/html' },
});
const echo = ({ authorization }: Exchange): string =>
  JSON.stringify({ error: { message: `Denied: ${authorization}` } });
const hang: Fault = () => {};
const reset: Fault = ({ response }) => void response.socket?.resetAndDestroy();
const rateLimited = (retryAfter: () => string): Fault => {
  return (exchange) => answer(429, echo, { headers: { 'retry-after': retryAfter() } })(exchange);
};

const commonFaults = {
  hang,
  reset,
  html,
  'empty 202': answer(202, () => ''),
  '400': answer(400, echo),
  '429 for 0.02 s': rateLimited(() => '0.02'),
  '429 for 1 s': rateLimited(() => '1'),
  '429 until a date': rateLimited(() => new Date(Date.now() + 1_000).toUTCString()),
  '429 with garbage': rateLimited(() => 'soon'),
  '429 for 10^9 s': rateLimited(() => '1000000000'),
  '500': answer(500, echo),
  '502': answer(502, () => '<html>Bad Gateway</html>', { headers: { 'content-type': 'text/html' } }),
  '503': answer(503, () => ''),
} satisfies Record<string, Fault>;

/** Well within every timeout. */
const lateMs = 300;

const late: Fault = (exchange) => void setTimeout(() => ok(exchange), lateMs);

/** The id of a task under an error status, as from a relay that took the order and then reports an error. */
const accepted = (status: number, more: object = {}): Fault =>
  answer(status, ({ body }) => JSON.stringify({ ...JSON.parse(body), ...more }), { withId: true });

/** An error that names a request and an account, and no task. */
const namesNoTask = (code: string) => (): string =>
  JSON.stringify({ error: { code, message: 'Refused.', id: 'err_1' }, request_id: 'req_1', user: { id: 'u_1' } });

/** What can become of a POST. In those that tell the id, the client is to find it. */
export const submitFaults = {
  ...commonFaults,
  ok,
  late,
  '429 with the id': accepted(429, { error: { message: 'Too many requests' } }),
  '403 with the id': accepted(403),
  // What is missing of these may name a task.
  '429 broken off': half(beforeId, false, 429),
  '402 that drips': drip(beforeId, false, 402),
  '503 with the id': accepted(503, { message: 'upstream connect error' }),
  '429 without credit': answer(429, namesNoTask('insufficient_quota')),
  '403 without credit': answer(403, namesNoTask('insufficient_user_quota')),
  '422 for content': answer(422, () => '{"detail":[{"loc":["body"],"msg":"rejected by content moderation"}]}'),
  'half with id': half(pastId, true),
  'half without id': half(beforeId, false),
  'broken JSON': answer(200, ({ body }) => beforeId(body)),
  'broken JSON with id': answer(200, ({ body }) => pastId(body), { withId: true }),
  'drip with id': drip(pastId, true),
  'drip without id': drip(beforeId, false),
  // A POST that is sent again after one of these would be paid again.
  '307': answer(307, () => '', { headers: { location: '/elsewhere/v1/grok/videos' } }),
  '408': answer(408, () => ''),
  '421': answer(421, echo),
  '401': answer(401, echo),
  '402': answer(402, echo),
  '403': answer(403, echo),
} satisfies Record<string, Fault>;

/** The POSTs that say plainly that nothing was accepted. */
export const refusals: ReadonlySet<SubmitFault> = new Set<SubmitFault>([
  '400',
  '401',
  '402',
  '403',
  '421',
  '429 for 0.02 s',
  '429 for 1 s',
  '429 until a date',
  '429 with garbage',
  '429 for 10^9 s',
  '429 without credit',
  '403 without credit',
  '422 for content',
]);

/** What becomes of all POSTs for a while: they are refused, or no connection can be made. */
export const outages = [
  '429 for 0.02 s',
  '429 for 1 s',
  '429 with garbage',
  '401',
  '402',
  'no connection',
] as const satisfies (SubmitFault | 'no connection')[];

export type Outage = (typeof outages)[number];

/** What can become of a GET that does not say how the task is doing. */
export const checkFaults = {
  ...commonFaults,
  '404': answer(404, () => '{"error":"not found"}'),
  '410': answer(410, () => '{"error":"gone"}'),
  '403': answer(403, echo),
  '400 for content': answer(400, () => '{"code":"rejected","error":"Generated video rejected by content moderation."}'),
  'an error of the request': answer(200, () => '{"status":"error","error":"Too many requests"}'),
  // Said once it may be a mistake; of another task's end nothing follows for ours.
  "another task's end": answer(200, () => JSON.stringify({ id: `video_foreign_${Math.random()}`, status: 'failed' })),
  'half a body': half(beforeId, false),
  'broken JSON': answer(200, ({ body }) => beforeId(body)),
  drip: drip(beforeId, false),
} satisfies Record<string, Fault>;

export const accessDenied: Fault = answer(401, echo);

/** What a GET says of a task that is not finished. */
export const progress = {
  queued: { status: 'queued' },
  processing: { status: 'processing' },
  'an unknown status': { status: 'teleporting' },
  'processing with a link': { status: 'processing', video_url: 'https://videos.example.com/preview.mp4' },
};

export const isProgress = (name: CheckFault): name is keyof typeof progress => name in progress;

export type SubmitFault = keyof typeof submitFaults;
export type CheckFault = keyof typeof checkFaults | keyof typeof progress;

/** How the upstream's task ends, and what the service has to make of it. */
export const endings = {
  completed: { status: 'completed', video_url: 'https://videos.example.com/1.mp4', actualDuration: 10 },
  'completed with the key in the link': {
    status: 'succeed',
    video_url: `https://videos.example.com/1.mp4?token=${apiKey}`,
  },
  failed: { status: 'failed', error: 'out of memory' },
  moderated: { status: 'failed', error: 'blocked by content moderation' },
  cancelled: { status: 'cancelled' },
  'without URL': { status: 'completed' },
};

export type Ending = keyof typeof endings;

export const statusOfEnding: Record<Ending, { status: string; failureCode: string | null }> = {
  completed: { status: 'COMPLETED', failureCode: null },
  'completed with the key in the link': { status: 'COMPLETED', failureCode: null },
  failed: { status: 'FAILED', failureCode: 'GENERATION_FAILED' },
  moderated: { status: 'FAILED', failureCode: 'CONTENT_REFUSED' },
  cancelled: { status: 'CANCELLED', failureCode: 'CANCELLED_UPSTREAM' },
  'without URL': { status: 'FAILED', failureCode: 'RESULT_MISSING' },
};
