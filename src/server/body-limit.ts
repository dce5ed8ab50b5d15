import type { FetchAPI, Plugin } from 'graphql-yoga';
import { LimitExceededError } from '../access/errors.ts';
import { publicError } from '../graphql/errors.ts';

/** A refused body of more than this is not read to its end: the connection is closed under it. */
const maxUnreadBytes = 64 * 1024;

/**
 * Refuses bodies that are too large. Where Content-Length says how long a body is, Node sees to it that it is no longer;
 * only what comes without is counted as it comes, because that takes about half of a small request's time.
 */
export function useBodyLimit(maxBytes: number): Plugin {
  const tooLarge = () => publicError(new LimitExceededError('The body is too large', 'MAX_BODY_BYTES', maxBytes, 413));
  return {
    onRequestParse({ request, requestParser, setRequestParser, fetchAPI }) {
      const contentLength = request.headers.get('content-length');
      if (Number(contentLength) > maxBytes) throw tooLarge();
      if (contentLength !== null || !requestParser || !request.body) return;
      setRequestParser((chunked) => requestParser(counted(chunked, maxBytes, tooLarge, fetchAPI)));
    },
    onResponse({ request, response }) {
      const refused = response.status === 401 || response.status === 413;
      const mayBeLong =
        request.method === 'POST' && !(Number(request.headers.get('content-length') ?? Number.NaN) <= maxUnreadBytes);
      if (refused && mayBeLong) response.headers.set('connection', 'close');
    },
  };
}

/** The same request, whose body breaks off where it becomes too large. */
function counted(
  { url, method, headers, signal, body }: Request,
  maxBytes: number,
  tooLarge: () => Error | null,
  fetchAPI: FetchAPI,
): Request {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(tooLarge());
      else controller.enqueue(chunk);
    },
  });
  const init = { method, headers, signal, body: body?.pipeThrough(counter) ?? null, duplex: 'half' };
  return new fetchAPI.Request(url, init);
}
