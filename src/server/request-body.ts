import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { limitExceeded } from '../graphql/errors.ts';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxValues: number;
}

/** A body of more than this that nobody reads is not waited for: its connection is closed. */
const maxUnreadBytes = 64 * 1024;

/**
 * Takes orders only as JSON, and no more of it than can be looked at. A form, a plain text or an `application/graphql`
 * body can be sent by any web page without the browser asking first; JSON cannot.
 */
export function useRequestBody(limits: BodyLimits): Plugin {
  const read = new WeakSet<Request>();
  return {
    onRequest({ request, fetchAPI: { Response }, endResponse }) {
      if (request.method !== 'POST') return;
      const [mediaType] = (request.headers.get('content-type') ?? '').split(';');
      if (mediaType?.trim().toLowerCase() === 'application/json') return;
      const { message, extensions } = badRequest('The body must be JSON: send it with Content-Type: application/json.');
      endResponse(Response.json({ errors: [{ message, extensions: { code: extensions['code'] } }] }, { status: 415 }));
    },
    onRequestParse({ request, requestParser, setRequestParser }) {
      if (request.method === 'GET' && requestParser) {
        setRequestParser(async (got) =>
          parsedOr('`variables` and `extensions` must be JSON.', () => requestParser(got)),
        );
      }
      if (request.method !== 'POST') return;
      if (Number(request.headers.get('content-length')) > limits.maxBodyBytes) throw tooLarge(limits);
      setRequestParser(async (posted) => {
        const text = await readText(posted, limits).catch(brokenOff);
        read.add(request);
        if (holdsMore(text, limits.maxValues)) {
          throw limitExceeded('The body holds too many values', 'MAX_VALUES', limits.maxValues);
        }
        const parsed: unknown = await parsedOr('The body is not valid JSON.', () => JSON.parse(text));
        if (typeof parsed !== 'object' || parsed === null) throw badRequest('The body must be a JSON object.');
        return parsed;
      });
    },
    onResponse({ request, response }) {
      const length = request.headers.get('content-length');
      const mayBeLong = length === null ? request.headers.has('transfer-encoding') : Number(length) > maxUnreadBytes;
      if (mayBeLong && !read.has(request)) response.headers.set('connection', 'close');
    },
  };
}

/**
 * Where Content-Length says how long a body is, Node sees to it that it is no longer; only what comes without is
 * counted as it comes, because that takes about half of a small request's time.
 */
async function readText(request: Request, limits: BodyLimits): Promise<string> {
  if (request.headers.has('content-length')) return request.text();
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.byteLength;
    if (bytes > limits.maxBodyBytes) throw tooLarge(limits);
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

/** Whether a JSON text holds more values than that, by what begins and separates them outside of its strings. */
export function holdsMore(text: string, max: number): boolean {
  let found = 0;
  for (let index = 0; index < text.length && text.length > max; index++) {
    const character = text.charCodeAt(index);
    if (character === quote) index = endOfString(text, index);
    else if (character === comma || character === bracket || character === brace) found += 1;
    if (found > max) return true;
  }
  return false;
}

/** Where the string that begins at `start` ends: at the next quote with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

const [quote, backslash, comma, bracket, brace] = [...'"\\,[{'].map((character) => character.charCodeAt(0));

async function parsedOr<Result>(problem: string, parse: () => Result): Promise<Awaited<Result>> {
  try {
    return await parse();
  } catch {
    // What is wrong with it, a parser says by quoting it, at any length.
    throw badRequest(problem);
  }
}

/** That a client hangs up is no error of ours. */
function brokenOff(error: unknown): never {
  throw error instanceof GraphQLError ? error : badRequest('The body broke off.');
}

const badRequest = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });

const tooLarge = ({ maxBodyBytes }: BodyLimits) =>
  limitExceeded('The body is too large', 'MAX_BODY_BYTES', maxBodyBytes, 413);
