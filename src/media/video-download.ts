import type { OutboundClient, OutboundResponse } from '../outbound/guarded-client.ts';
import { OutboundError } from '../outbound/outbound-error.ts';
import type { ByteRate } from './byte-rate.ts';

/** A video cannot be downloaded. The message is for the task's owner and names no address. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

export interface DownloadSettings {
  readonly client: OutboundClient;
  readonly rate: ByteRate;
  readonly maxBytes: number;
}

/** How long the host may take to answer, to send the next byte, and for the whole file. */
const timeouts = { timeoutMs: 30_000, idleMs: 30_000, deadlineMs: 60 * 60_000 };

/** How often a download that broke off goes on from where it was. */
const maxResumptions = 5;

/** What is known of a download from its first answer. */
interface Source {
  /** The whole size in bytes; null where the host does not say it. */
  readonly sizeBytes: number | null;
  /** A strong ETag of a host that sends parts; null where a download cannot go on. */
  readonly etag: string | null;
}

/**
 * Yields the bytes of a link, at the given rate. Where the connection breaks and the host has named the version of the
 * file, it goes on with the rest of that version; other breaks end it.
 *
 * @throws DownloadError when the host answers with an error or sends more or less than it said.
 * @throws OutboundError when the link must not be called, or the connection fails.
 */
export async function* download(
  url: string,
  { client, rate, maxBytes }: DownloadSettings,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ask = (headers: Record<string, string>) => client.request(url, { headers, ...timeouts, maxBytes, signal });
  let response = await ask({});
  if (response.status !== 200) throw refused(response);
  const source = sourceOf(response);
  let received = 0;
  for (let resumptions = 0; ; resumptions++) {
    try {
      for await (const part of response.body) {
        received += part.length;
        if (received > (source.sizeBytes ?? maxBytes)) throw tooLarge(response, source.sizeBytes ?? maxBytes);
        await rate.take(part.length, signal);
        yield part;
      }
      break;
    } catch (error) {
      const brokeOff = error instanceof OutboundError && (error.kind === 'BROKEN' || error.kind === 'TIMEOUT');
      if (!brokeOff || source.etag === null || resumptions === maxResumptions) throw error;
      response = await ask({ range: `bytes=${received}-`, 'if-range': source.etag });
      if (!continues(response, received, source.sizeBytes)) throw notContinued(response, received);
    }
  }
  if (source.sizeBytes !== null && received !== source.sizeBytes) {
    throw new DownloadError(`The file has ${received} bytes instead of the ${source.sizeBytes} that were announced.`);
  }
}

function sourceOf({ headers, announcedBytes, hasKnownEnd }: OutboundResponse): Source {
  if (!hasKnownEnd) throw new DownloadError('The host of the video does not say where the file ends.');
  const etag = headers.etag?.startsWith('"') && headers['accept-ranges'] === 'bytes' ? headers.etag : null;
  return { sizeBytes: announcedBytes, etag };
}

/** Whether an answer is the rest of the file from a byte on. */
function continues({ status, headers }: OutboundResponse, from: number, sizeBytes: number | null): boolean {
  const [, start, size] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(headers['content-range'] ?? '') ?? [];
  return status === 206 && Number(start) === from && (sizeBytes === null || Number(size) === sizeBytes);
}

function refused(response: OutboundResponse): DownloadError {
  response.cancel();
  return new DownloadError(`The host of the video answered with HTTP ${response.status}.`);
}

/** In the place of the rest of the file came an error, the whole of it, or another file. */
function notContinued(response: OutboundResponse, received: number): DownloadError {
  if (response.status !== 200 && response.status !== 206) return refused(response);
  response.cancel();
  return new DownloadError(`The download broke off after ${received} bytes, and its host does not send the rest.`);
}

function tooLarge(response: OutboundResponse, max: number): DownloadError {
  response.cancel();
  return new DownloadError(`The file has more than ${max} bytes.`);
}
