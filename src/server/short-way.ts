import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Caller } from '../access/caller.ts';
import type { Door } from '../access/door.ts';
import { isKey } from '../access/keys.ts';
import { bearerToken } from './authentication.ts';
import { excessIn, textIn } from './json-text.ts';
import type { KnownQueries, QueryContext } from './known-queries.ts';
import type { BodyLimits } from './request-body.ts';
import { requestIdFor, requestIdHeader, withRequestId } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';

interface Settings {
  readonly door: Door;
  readonly known: KnownQueries;
  readonly limits: BodyLimits;
  /** What every resolver of a query gets, but for who asks. */
  readonly context: Omit<QueryContext, 'client'>;
}

/** Enough for a query with its variables; beside what is longer, the way does not matter. */
const maxShortBytes = 16 * 1024;

/**
 * Answers queries like those that have been answered before, by what GraphQL alone has to do: the way through Yoga
 * takes longer than most of them. Nothing is decided here: whatever is out of the ordinary, and whatever comes to anything but data, goes
 * the long way from its beginning. A query can be run twice.
 */
export function createShortWay(settings: Settings, longWay: RequestListener): RequestListener {
  const { door, limits } = settings;
  const maxBytes = Math.min(maxShortBytes, limits.maxBodyBytes);

  async function answerTo(request: IncomingMessage, token: string, lengthBytes: number): Promise<Answer | null> {
    // First, so that nothing is read of what anybody else sends.
    const client = await door.withKey(token);
    const body = client && (await readAtOnce(request, lengthBytes));
    if (!body) return null;
    const asked = { accept: request.headers.accept, client, body };
    const answer = await shortAnswer(asked, settings).catch(() => null);
    if (!answer) request.unshift(body);
    return answer;
  }

  return (request, response) => {
    const token = bearerToken(request.headers.authorization);
    const lengthBytes = Number(request.headers['content-length']);
    if (!isOrdinary(request) || token === null || !isKey(token) || !(lengthBytes > 0 && lengthBytes <= maxBytes)) {
      return longWay(request, response);
    }
    const requestId = requestIdFor(request.headers[requestIdHeader]);
    void withRequestId(requestId, () => answerTo(request, token, lengthBytes).catch(() => null)).then((answer) => {
      if (answer) send(response, requestId, answer);
      // A request that is gone has no body to be read again.
      else if (!response.destroyed) longWay(request, response);
    });
  };
}

/** The whole body; null where it does not come in one piece, which is not waited for, or the client hangs up. */
function readAtOnce(request: IncomingMessage, lengthBytes: number): Promise<Buffer | null> {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  if (request.destroyed) resolve(null);
  request.once('readable', () => resolve(request.read(lengthBytes)));
  request.once('close', () => resolve(null));
  return promise;
}

/** As servers and apps ask, with nothing that anybody but GraphQL would have to heed. */
const isOrdinary = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'POST' &&
  url === '/graphql' &&
  headers['content-type'] === 'application/json' &&
  headers.origin === undefined &&
  headers['content-encoding'] === undefined;

interface Asked {
  readonly accept: string | undefined;
  readonly client: Caller;
  readonly body: Uint8Array;
}

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

/** Null where it takes the long way to find the answer. */
async function shortAnswer(
  { accept, client, body }: Asked,
  { known, limits, context }: Settings,
): Promise<Answer | null> {
  const contentType = known.contentTypeFor(accept);
  const text = textIn(body);
  if (contentType === undefined || text === null || excessIn(text, limits.maxValues)) return null;
  const run = known.find(JSON.parse(text));
  if (!run) return null;
  const { data, errors } = await run({ ...context, client });
  if (!data || errors) return null;
  context.services.log.trace('answered the short way');
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
