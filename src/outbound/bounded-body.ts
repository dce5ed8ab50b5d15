import type { IncomingMessage } from 'node:http';
import { codeOf, named, OutboundError } from './outbound-error.ts';
import type { RequestLife } from './request-life.ts';

export interface BodyLimits {
  /** How long the next bytes may take to arrive. */
  readonly idleMs: number;
  /** The most bytes of a body. */
  readonly maxBytes: number;
}

/** The length that an answer announces for its body; null where it announces none. */
export function announcedBytes({ headers }: IncomingMessage): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Number(length);
}

/**
 * Whether a body that breaks off can be told from a whole one. Without a length and without chunks, as in HTTP/1.0, the
 * end of the connection is the end of the body.
 */
export const hasKnownEnd = (answer: IncomingMessage): boolean =>
  announcedBytes(answer) !== null || answer.headers['transfer-encoding'] !== undefined;

/** Why a body is not read at all; null where it is. */
function refusalOf(answer: IncomingMessage, maxBytes: number, host: string): OutboundError | null {
  const coding = answer.headers['content-encoding']?.trim().toLowerCase() ?? '';
  const transfer = answer.headers['transfer-encoding']?.trim().toLowerCase() ?? 'chunked';
  if (!['', 'identity'].includes(coding) || transfer !== 'chunked') {
    return new OutboundError('ENCODED', `The answer of ${host} is compressed, which was not asked for.`);
  }
  return (announcedBytes(answer) ?? 0) > maxBytes ? tooLarge(host, maxBytes) : null;
}

const tooLarge = (host: string, maxBytes: number) =>
  new OutboundError('TOO_LARGE', `The answer of ${host} is larger than ${maxBytes} bytes.`);

/** The body of an answer, as it arrives. Its end, an error, and a reader that stops all end the request. */
export async function* readBounded(
  answer: IncomingMessage,
  url: URL,
  { idleMs, maxBytes }: BodyLimits,
  life: RequestLife,
): AsyncGenerator<Uint8Array, void, void> {
  const host = named(url);
  try {
    life.signal.throwIfAborted();
    const refusal = refusalOf(answer, maxBytes, host);
    if (refusal) throw refusal;
    let receivedBytes = 0;
    life.limit('IDLE', idleMs);
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      life.lift('IDLE');
      receivedBytes += chunk.byteLength;
      if (receivedBytes > maxBytes) throw tooLarge(host, maxBytes);
      yield chunk;
      life.limit('IDLE', idleMs);
    }
    if (!answer.complete) throw new Error('The answer is not complete.');
  } catch (error) {
    if (life.signal.aborted) throw life.signal.reason;
    if (error instanceof OutboundError) throw error;
    throw new OutboundError('BROKEN', `The answer of ${host} broke off before its end${codeOf(error)}.`);
  } finally {
    life.end();
  }
}
