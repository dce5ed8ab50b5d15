import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isKey } from '../../access/api-keys.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import type { Caller } from '../../access/caller.ts';
import type { CallerContext } from '../../graphql/builder.ts';
import { withRequest } from '../../request-context.ts';
import { excessIn, textIn } from '../http/json-text.ts';
import { bearerToken } from '../plugins/authentication.ts';
import type { BodyLimits } from '../plugins/request-body.ts';
import { requestIdFor, requestIdHeader } from '../plugins/request-id.ts';
import { securityHeaders } from '../plugins/security-headers.ts';
import type { QueryContext } from './compile-query.ts';
import type { QueryCache } from './query-cache.ts';

interface Settings {
  readonly authenticator: Authenticator;
  readonly queries: QueryCache;
  readonly limits: BodyLimits;
  /** What every resolver of a query gets, without what is bound to the caller. */
  readonly context: Omit<QueryContext, keyof CallerContext>;
  readonly contextOf: (caller: Caller) => CallerContext;
}

/** Enough for a query with its variables. With a longer body, Yoga's share of the time is small. */
const maxFastBytes = 16 * 1024;

/**
 * Answers queries that Yoga has answered before without Yoga, because Yoga takes longer than most queries do. It decides
 * nothing: a request that is out of the ordinary, and one whose result is not only data, goes through Yoga from its
 * beginning, so a query can run twice. honoured-plugins.ts says how it does justice to each plugin that it leaves out.
 */
export function createFastPath(settings: Settings, yogaListener: RequestListener): RequestListener {
  const { authenticator, limits } = settings;
  const maxBytes = Math.min(maxFastBytes, limits.maxBodyBytes);

  async function answerTo(request: IncomingMessage, token: string, lengthBytes: number): Promise<Answer | null> {
    // The key is checked first, so that no body is read that comes without a valid one.
    const caller = await authenticator.withKey(token);
    const body = caller && (await readAtOnce(request, lengthBytes));
    if (!body) return null;
    const asked = { accept: request.headers.accept, caller, body };
    const answer = await fastAnswer(asked, settings).catch(() => null);
    if (!answer) request.unshift(body);
    return answer;
  }

  return (request, response) => {
    const token = bearerToken(request.headers.authorization);
    const lengthBytes = Number(request.headers['content-length']);
    if (!isOrdinary(request) || token === null || !isKey(token) || !(lengthBytes > 0 && lengthBytes <= maxBytes)) {
      return yogaListener(request, response);
    }
    const requestId = requestIdFor(request.headers[requestIdHeader]);
    void withRequest({ requestId }, () => answerTo(request, token, lengthBytes).catch(() => null)).then((answer) => {
      if (answer) send(response, requestId, answer);
      // A request that is gone has no body to be read again.
      else if (!response.destroyed) yogaListener(request, response);
    });
  };
}

/** The whole body; null where only a part of it has arrived, because that is Yoga's to wait for, or the client hangs up. */
function readAtOnce(request: IncomingMessage, lengthBytes: number): Promise<Buffer | null> {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  if (request.destroyed) resolve(null);
  request.once('readable', () => resolve(request.read(lengthBytes)));
  request.once('close', () => resolve(null));
  return promise;
}

/** Whether the head of a request says nothing that a plugin would have to heed. */
const isOrdinary = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'POST' &&
  url === '/graphql' &&
  headers['content-type'] === 'application/json' &&
  headers.origin === undefined &&
  headers['content-encoding'] === undefined;

interface Asked {
  readonly accept: string | undefined;
  readonly caller: Caller;
  readonly body: Uint8Array;
}

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

/** Null where the request has to go through Yoga. */
async function fastAnswer(
  { accept, caller, body }: Asked,
  { queries, limits, context, contextOf }: Settings,
): Promise<Answer | null> {
  const contentType = queries.contentTypeFor(accept);
  const text = textIn(body);
  if (contentType === undefined || text === null || excessIn(text, limits.maxValues)) return null;
  const run = queries.find(JSON.parse(text));
  if (!run) return null;
  const { data, errors } = await run({ ...context, ...contextOf(caller) });
  if (!data || errors) return null;
  context.log.trace('answered by the fast path');
  return { contentType, body: JSON.stringify({ data }) };
}

function send(response: ServerResponse, requestId: string, { contentType, body }: Answer): void {
  response.writeHead(200, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...securityHeaders,
    [requestIdHeader]: requestId,
  });
  response.end(body);
}
