import type { IncomingMessage } from 'node:http';

/** Larger than the largest body that the service accepts by default. */
const maxBodyBytes = 32 * 1024 * 1024;

/** Parses the body of a request; null where it is not JSON or too large. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  // The body is read to its end, because leaving it unread would close the connection before the answer is sent.
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
