import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../storage-error.ts';
import { type SentBody, textOf } from './s3-exchange.ts';
import { nullIfMissing } from './s3-refusal.ts';
import type { S3Requests } from './s3-requests.ts';

/** What follows the prefix in the key of the marker. No name of a file contains a dot. */
const markerName = '.store-id';
const maxMarkerBytes = 256;

/**
 * How old a marker has to be. Some servers let several conditional writes at once succeed, one after the other; by then
 * those of instances that found no marker at the same time have ended, and all of them read the last one.
 */
const settledMs = 2_000;

/** The pause before a young marker is read again. */
const pauseMs = 500;

interface Marker {
  readonly id: string;
  readonly ageMs: number;
}

/** The id in the marker of a bucket or a prefix. One that has none is given `newId`; with null that is a StorageError. */
export async function markedId(requests: S3Requests, keyPrefix: string, newId: string | null): Promise<string> {
  const key = `${keyPrefix}${markerName}`;
  for (;;) {
    const marker = await readMarker(requests, key);
    if (marker && marker.ageMs >= settledMs) return marker.id;
    if (!marker && newId === null) throw new StorageError(`${requests.place} is not the one that files were kept in.`);
    if (!marker && newId !== null) await mark(requests, key, newId);
    await sleep(pauseMs);
  }
}

async function readMarker(requests: S3Requests, key: string): Promise<Marker | null> {
  const answer = await nullIfMissing(requests.send({ method: 'GET', key }, 200));
  if (answer === null) return null;
  const { date, 'last-modified': modified } = answer.headers;
  // Both are times of the server, whose clock may differ from that of this machine.
  const ageMs = date && modified ? Date.parse(date) - Date.parse(modified) : settledMs;
  return { id: await textOf(answer, requests.place, maxMarkerBytes), ageMs };
}

/** Writes a marker, unless there is one by now. */
async function mark(requests: S3Requests, key: string, newId: string): Promise<void> {
  const id = Buffer.from(newId);
  const sha256 = createHash('sha256').update(id).digest('hex');
  const body: SentBody = { sizeBytes: id.length, sha256, chunks: () => inOnePart(id) };
  const headers = { 'if-none-match': '*' };
  const answer = await requests.send({ method: 'PUT', key, body, headers }, 200, 409, 412, 501);
  answer.resume();
  // A server without conditional writes says so.
  if (answer.statusCode === 501) (await requests.send({ method: 'PUT', key, body }, 200)).resume();
}

async function* inOnePart(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
