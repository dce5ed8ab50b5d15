import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { badRequest, limitExceeded } from '../../graphql/public-error.ts';
import { excessIn, textIn } from '../http/json-text.ts';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxValues: number;
}

/** The largest unread body for which a connection is kept open. */
const maxUnreadBytes = 64 * 1024;

/**
 * Accepts POST bodies only as JSON, within the limits. Any web page can send a form, plain text or
 * `application/graphql` without asking the browser's permission first; JSON it cannot.
 */
export function useRequestBody(limits: BodyLimits): Plugin {
  const read = new WeakSet<Request>();
  return {
    onRequest({ request, fetchAPI: { Response }, endResponse }) {
      const problem = request.method === 'POST' && formProblem(request.headers);
      if (!problem) return;
      const { message, extensions } = badRequest(problem);
      const errors = [{ message, extensions: { code: extensions['code'] } }];
      endResponse(Response.json({ errors }, { status: 415, headers: { 'accept-encoding': 'identity' } }));
    },
    onRequestParse({ request, url, requestParser, setRequestParser }) {
      if (!isWellEscaped(request.url))
        throw badRequest('The parameters of the URL are not valid UTF-8, percent-encoded.');
      if (request.method === 'GET' && requestParser) {
        setRequestParser(async (got) => {
          for (const name of ['variables', 'extensions']) refuseExcess(url.searchParams.get(name) ?? '', limits);
          return parsedOr('`variables` and `extensions` must be JSON.', () => requestParser(got));
        });
      }
      if (request.method !== 'POST') return;
      if (Number(request.headers.get('content-length')) > limits.maxBodyBytes) throw tooLarge(limits);
      setRequestParser(async (posted) => {
        const text = textIn(await readBytes(posted, limits).catch(brokenOff));
        read.add(request);
        if (text === null) throw badRequest('The body is not valid UTF-8.');
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
 * Node enforces Content-Length, so only a body without it is counted while it is read: counting takes about half of the
 * time of a small request.
 */
async function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  if (request.headers.has('content-length')) return request.bytes();
  const reader = request.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    length += part.value.byteLength;
    if (length > limits.maxBodyBytes) throw tooLarge(limits);
    parts.push(part.value);
  }
  return Buffer.concat(parts);
}

/** Names of UTF-8 in a Content-Type. Other charsets are refused. */
const utf8Names: ReadonlySet<string> = new Set(['utf-8', 'utf8', '"utf-8"', '"utf8"']);

/** Why the body cannot be read as its headers describe it; null where it can. */
function formProblem(headers: Headers): string | null {
  const [mediaType, ...parameters] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  if (mediaType?.trim() !== 'application/json') {
    return 'The body must be JSON: send it with Content-Type: application/json.';
  }
  for (const [name, value = ''] of parameters.map((parameter) => parameter.split('='))) {
    if (name?.trim() === 'charset' && !utf8Names.has(value.trim()))
      return 'The body must be in UTF-8, and say no other charset.';
  }
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() || 'identity';
  return encoding === 'identity' ? null : 'The body must not be compressed: send it without Content-Encoding.';
}

/** Whether the parameters of a URL are valid UTF-8, percent-encoded. A decoder would silently replace invalid bytes. */
function isWellEscaped(url: string): boolean {
  const start = url.indexOf('?');
  if (start === -1) return true;
  const search = url.slice(start);
  try {
    decodeURIComponent(search);
    return /^[\x21-\x7e]*$/.test(search);
  } catch {
    return false;
  }
}

function refuseExcess(text: string, { maxValues }: BodyLimits): void {
  const excess = excessIn(text, maxValues);
  if (excess) throw excess;
}

async function parsedOr<Result>(problem: string, parse: () => Result): Promise<Awaited<Result>> {
  try {
    return await parse();
  } catch {
    // The parser's own message is not used, because it quotes the text at any length.
    throw badRequest(problem);
  }
}

/** A client that closes its connection causes a refused request, not an error of the service. */
function brokenOff(error: unknown): never {
  throw error instanceof GraphQLError ? error : badRequest('The body broke off.');
}

const tooLarge = ({ maxBodyBytes }: BodyLimits) =>
  limitExceeded('The body is too large', 'MAX_BODY_BYTES', maxBodyBytes, 413);
