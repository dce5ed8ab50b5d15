import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { execute } from 'graphql';
import type { Door } from '../access/door.ts';
import { isKey } from '../access/keys.ts';
import type { Context } from '../graphql/builder.ts';
import { schema } from '../graphql/schema.ts';
import { bearerToken } from './authentication.ts';
import type { KnownQueries, Params } from './known-queries.ts';
import { type BodyLimits, holdsMore } from './request-body.ts';
import { requestIdFor, requestIdHeader, withRequestId } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';

interface Settings {
  readonly door: Door;
  readonly known: KnownQueries;
  readonly limits: BodyLimits;
  /** What every resolver of a query gets, but for who asks. */
  readonly context: Omit<Context, 'request' | 'client'>;
}

/** Enough for a query with its variables; beside what is longer, the way does not matter. */
const maxShortBytes = 16 * 1024;

/**
 * Answers queries like those that have been answered before, by GraphQL alone: the way through Yoga takes longer than
 * most of them. Nothing is decided here: whatever is out of the ordinary, and whatever comes to anything but data, goes
 * the long way from its beginning. A query can be run twice.
 */
export function createShortWay(settings: Settings, longWay: RequestListener): RequestListener {
  const maxBytes = Math.min(maxShortBytes, settings.limits.maxBodyBytes);
  return (request, response) => {
    const token = bearerToken(request.headers.authorization);
    const lengthBytes = Number(request.headers['content-length']);
    if (!isOrdinary(request) || token === null || !isKey(token) || !(lengthBytes <= maxBytes)) {
      return longWay(request, response);
    }
    request.once('readable', () => {
      const body: Buffer | null = request.read(lengthBytes);
      // One that does not come in one piece is not waited for.
      if (body === null) return longWay(request, response);
      const requestId = requestIdFor(request.headers[requestIdHeader]);
      const asked = { accept: request.headers.accept, token, text: body.toString() };
      void withRequestId(requestId, () => answerTo(asked, settings).catch(() => null)).then((answer) => {
        if (answer) return send(response, requestId, answer);
        request.unshift(body);
        longWay(request, response);
      });
    });
  };
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
  readonly token: string;
  readonly text: string;
}

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

/** Null where it takes the long way to find the answer. */
async function answerTo(
  { accept, token, text }: Asked,
  { door, known, limits, context }: Settings,
): Promise<Answer | null> {
  const contentType = known.contentTypeFor(accept);
  if (contentType === undefined || holdsMore(text, limits.maxValues)) return null;
  const params: Params = JSON.parse(text);
  const document = known.documentOf(params);
  const { variables, operationName } = params;
  if (!document || !isVariables(variables) || !isName(operationName)) return null;
  const client = await door.withKey(token);
  if (!client) return null;
  const contextValue = { ...context, client };
  const result = await execute({ schema, document, variableValues: variables, operationName, contextValue });
  if (result.errors) return null;
  context.services.log.trace('answered the short way');
  return { contentType, body: JSON.stringify(result) };
}

const isVariables = (value: unknown): value is Record<string, unknown> | null | undefined =>
  (typeof value === 'object' || value === undefined) && !Array.isArray(value);

const isName = (value: unknown): value is string | null | undefined =>
  typeof value === 'string' || value === null || value === undefined;

function send(response: ServerResponse, requestId: string, { contentType, body }: Answer): void {
  response.writeHead(200, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...securityHeaders,
    [requestIdHeader]: requestId,
  });
  response.end(body);
}
