import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { badRequest, limitExceeded } from '../graphql/errors.ts';
import { excessIn } from './json-text.ts';

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
    onRequestParse({ request, url, requestParser, setRequestParser }) {
      if (request.method === 'GET' && requestParser) {
        setRequestParser(async (got) => {
          for (const name of ['variables', 'extensions']) refuseExcess(url.searchParams.get(name) ?? '', limits);
          return parsedOr('`variables` and `extensions` must be JSON.', () => requestParser(got));
        });
      }
      if (request.method !== 'POST') return;
      if (Number(request.headers.get('content-length')) > limits.maxBodyBytes) throw tooLarge(limits);
      setRequestParser(async (posted) => {
        const text = await readText(posted, limits).catch(brokenOff);
        read.add(request);
        refuseExcess(text, limits);
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

function refuseExcess(text: string, { maxValues }: BodyLimits): void {
  const excess = excessIn(text, maxValues);
  if (excess) throw excess;
}

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

const tooLarge = ({ maxBodyBytes }: BodyLimits) =>
  limitExceeded('The body is too large', 'MAX_BODY_BYTES', maxBodyBytes, 413);
