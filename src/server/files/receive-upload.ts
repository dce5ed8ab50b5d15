import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { ForbiddenError, ImageRefusedError } from '../../errors.ts';
import { publicError } from '../../graphql/public-error.ts';
import type { ImageFile } from '../../media/image-file.ts';
import { type ImageUploads, maxUploadBytes } from '../../media/image-uploads.ts';
import { openHeaders } from './serve-files.ts';

const preflightHeaders = {
  ...openHeaders,
  'access-control-allow-methods': 'PUT',
  'access-control-allow-headers': 'Content-Type',
  'access-control-max-age': '86400',
};

/** The statuses of errors that do not say theirs. */
const statuses: Readonly<Record<string, number>> = {
  UPLOAD_STATE_CONFLICT: 409,
  STORAGE_UNAVAILABLE: 503,
  DATABASE_UNAVAILABLE: 503,
};

type Uploads = Pick<ImageUploads, 'findLinked' | 'receive'>;

/** Receives uploaded images past Yoga, each by a PUT to the link of its upload, from any page: the link is all it takes. */
export function receiveUploads(uploads: Uploads, log: Logger, next: RequestListener): RequestListener {
  return (request, response) => {
    if (!/^\/files\/[^/]*\/[^/]*\/uploads\//.test(request.url ?? '')) return next(request, response);
    answer(uploads, request, response).catch((error: unknown) => {
      // A client that leaves in the middle of its image gets no answer.
      if (request.errored || response.destroyed) return void response.destroy();
      refuse(request, response, error, log);
    });
  };
}

async function answer(uploads: Uploads, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '' } = request;
  if (method === 'OPTIONS') return void response.writeHead(204, preflightHeaders).end();
  if (method !== 'PUT')
    return void response.writeHead(405, { ...openHeaders, allow: 'PUT, OPTIONS', 'content-length': 0 }).end();
  const upload = await uploads.findLinked(url);
  if (!upload) throw new ForbiddenError('This link is not valid, or its time is over.', 403);
  refuseByHeaders(request, upload);
  // An image that is refused in the middle leaves the connection open, for the answer.
  await uploads.receive(upload, request.iterator({ destroyOnReturn: false }));
  response.writeHead(204, openHeaders).end();
}

/** Refuses an image by what is said of it, before it is sent. */
function refuseByHeaders({ headers }: IncomingMessage, { sizeBytes }: ImageFile): void {
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== sizeBytes) {
    const status = Number(length) > sizeBytes ? 413 : 400;
    throw new ImageRefusedError(`The request has ${Number(length)} bytes, and ${sizeBytes} were announced.`, status);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new ImageRefusedError('The image must be sent without Content-Encoding.', 415);
}

/** Answers with an error as GraphQL words it. */
function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, log: Logger): void {
  const known = publicError(error);
  if (!known) log.error({ err: error }, 'upload not received');
  const { http, ...extensions } = { code: 'INTERNAL_SERVER_ERROR', ...known?.extensions } as Extensions;
  const body = JSON.stringify({ errors: [{ message: known?.message ?? 'Unexpected error.', extensions }] });
  const headers = { ...openHeaders, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(http?.status ?? statuses[extensions.code] ?? 500, headers).end(body);
  discardRest(request);
}

/**
 * Reads what is left of a refused image, up to the size of the largest one: many clients see an answer only after they
 * have sent everything. A connection with more to send is closed.
 */
function discardRest(request: IncomingMessage): void {
  let bytes = 0;
  request.on('data', ({ length }: Buffer) => {
    bytes += length;
    if (bytes > maxUploadBytes) request.destroy();
  });
}

interface Extensions {
  readonly code: string;
  readonly http?: { readonly status: number };
}
