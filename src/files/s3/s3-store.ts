import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../../byte-range.ts';
import { inlineAs } from '../content-disposition.ts';
import { fileName, isFileName, namePrefix } from '../file-name.ts';
import type { FileFacts, FileStore, IncomingFile, ListedFile, ReceiveLimits, SignedLink } from '../file-store.ts';
import { IncomingFiles } from '../incoming-files.ts';
import { diskError, StorageError } from '../storage-error.ts';
import { privateTemporaryFolder } from '../temporary-folder.ts';
import { readListing } from './listing.ts';
import { bodyOf, textOf } from './s3-exchange.ts';
import { markedId } from './s3-marker.ts';
import { nullIfMissing } from './s3-refusal.ts';
import { S3Requests, type S3Settings } from './s3-requests.ts';

/** A page has 1,000 keys at most. */
const maxPageBytes = 4 * 1024 * 1024;

export interface S3StoreSettings extends S3Settings {
  /** The directory of the system through which files pass on their way to the bucket. */
  readonly temporaryDirectory: string;
  /** With fewer bytes free there, nothing is stored. */
  readonly minFreeBytes: number;
}

/**
 * Opens a bucket of files.
 *
 * @throws StorageError when the bucket does not answer or refuses.
 */
export async function openS3Store(settings: S3StoreSettings, newId: string | null): Promise<FileStore> {
  const folder = await privateTemporaryFolder(settings.temporaryDirectory, 'grok-video-graphql');
  const incoming = new IncomingFiles(folder, settings.minFreeBytes);
  await incoming.sweep();
  const requests = new S3Requests(settings);
  const keyPrefix = settings.prefix === '' ? '' : `${settings.prefix}/`;
  return new S3Store(requests, keyPrefix, await markedId(requests, keyPrefix, newId), incoming);
}

class S3Store implements FileStore {
  readonly place: string;
  readonly id: string;
  readonly #requests: S3Requests;
  readonly #keyPrefix: string;
  readonly #incoming: IncomingFiles;

  constructor(requests: S3Requests, keyPrefix: string, id: string, incoming: IncomingFiles) {
    this.#requests = requests;
    this.#keyPrefix = keyPrefix;
    this.#incoming = incoming;
    this.id = id;
    this.place = `${requests.place}${keyPrefix === '' ? '' : `, below ${keyPrefix}`}`;
  }

  async receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<IncomingFile> {
    const received = await this.#incoming.receive(body, limits);
    const keep = async (name: string, contentType: string) => {
      const headers = { 'content-type': contentType };
      const sent = { ...received, chunks: () => chunksOf(received.path) };
      (await this.#requests.send({ method: 'PUT', key: this.#keyOf(name), headers, body: sent }, 200)).resume();
      await received.discard();
    };
    return { ...received, keep };
  }

  async open(name: string, range?: ByteRange): Promise<Readable | null> {
    const headers = range && { range: `bytes=${range.start}-${range.end}` };
    const request = { method: 'GET', key: this.#keyOf(name), ...(headers && { headers }) } as const;
    const answer = await nullIfMissing(this.#requests.send(request, range ? 206 : 200));
    return answer && bodyOf(answer, this.#requests.place);
  }

  async parts(name: string, range: ByteRange): Promise<AsyncGenerator<Uint8Array> | null> {
    const body = await this.open(name, range);
    return body && partsOf(body);
  }

  async stat(name: string): Promise<FileFacts | null> {
    const answer = await nullIfMissing(this.#requests.send({ method: 'HEAD', key: this.#keyOf(name) }, 200));
    if (answer === null) return null;
    answer.resume();
    const { 'content-length': sizeBytes, 'last-modified': modifiedAt = '' } = answer.headers;
    return { sizeBytes: Number(sizeBytes), modifiedAt: new Date(modifiedAt) };
  }

  async delete(name: string): Promise<void> {
    const answer = await nullIfMissing(this.#requests.send({ method: 'DELETE', key: this.#keyOf(name) }, 200, 204));
    answer?.resume();
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    const query = { 'list-type': '2', prefix: `${this.#keyPrefix}${namePrefix(prefix)}` };
    let token: string | null = null;
    do {
      const continued: Record<string, string> = token === null ? query : { ...query, 'continuation-token': token };
      const answer = await this.#requests.send({ method: 'GET', key: '', query: continued }, 200);
      const page = readListing(await textOf(answer, this.#requests.place, maxPageBytes));
      // The same token again would list the same page for ever.
      if (page === null || (token !== null && page.nextToken === token))
        throw new StorageError(`The listing of ${this.#requests.place} cannot be read.`);
      for (const { key, ...facts } of page.objects) {
        const name = key.slice(this.#keyPrefix.length);
        if (isFileName(name)) yield { name, ...facts };
      }
      token = page.nextToken;
    } while (token !== null);
  }

  async signedUrl(
    name: string,
    { signedAt, expiresInSeconds, contentType, fileName: savedAs }: SignedLink,
  ): Promise<string> {
    const query = {
      'X-Amz-Expires': `${expiresInSeconds}`,
      'response-content-type': contentType,
      'response-content-disposition': inlineAs(savedAs),
    };
    return this.#requests.signedUrl(this.#keyOf(name), query, signedAt);
  }

  problem(): Promise<string | null> {
    return this.#incoming.spaceProblem();
  }

  sweep(): Promise<void> {
    return this.#incoming.sweep();
  }

  #keyOf(name: string): string {
    return `${this.#keyPrefix}${fileName(name)}`;
  }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw diskError(dirname(path), error);
  }
}

async function* partsOf(body: Readable): AsyncGenerator<Uint8Array> {
  yield* body as AsyncIterable<Uint8Array>;
}
