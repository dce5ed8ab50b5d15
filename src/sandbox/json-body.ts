import type { IncomingMessage } from 'node:http';

/** More than the largest body that the service takes of its own clients by default. */
const maxBodyBytes = 32 * 1024 * 1024;

/** The JSON in a request's body; null where it is none, or larger than is kept. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  // To its end, because a request that is left in the middle takes its connection with it, and with that the answer.
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= maxBodyBytes) parts.push(part);
    else parts.length = 0;
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return null;
  }
}
