import type { Readable } from 'node:stream';
import type { ByteRange } from '../byte-range.ts';

/**
 * Bytes by name, in a folder or in an S3 bucket. A name consists of lower-case letters, digits, hyphens and slashes
 * (`file-name.ts`). What has a name is whole: a file appears at once with all of its bytes, or not at all.
 *
 * All methods throw StorageError where the folder or the bucket does not do its part.
 */
export interface FileStore {
  /** Where the files are, without secrets; for the log and for messages. */
  readonly place: string;
  /** The id in the marker of this folder or bucket. It was made by the first instance that opened it, and stays. */
  readonly id: string;
  /**
   * Streams a body into a temporary file, hashes and counts it on the way, and flushes it to the disk. The caller looks
   * at the result, and then keeps or discards it.
   *
   * @throws FileTooLargeError as soon as the body exceeds `maxBytes`. An error of the body itself is passed on.
   */
  receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<IncomingFile>;
  /** The bytes of a file, or those of a range that the caller has checked against the size; null where there is none. */
  open(name: string, range?: ByteRange): Promise<Readable | null>;
  /**
   * The same bytes, in parts each of which is valid only until the next one is asked for. A folder reads them all into
   * one buffer: with a new one for each part, the garbage collector would hold up the requests of others. The parts have
   * to be read to the end, or given up by `return`, which closes the file.
   */
  parts(name: string, range: ByteRange): Promise<AsyncGenerator<Uint8Array> | null>;
  stat(name: string): Promise<FileFacts | null>;
  /** Deletes a file. That it is not there is no error. */
  delete(name: string): Promise<void>;
  /** The files whose names begin with `prefix`, in no particular order. */
  list(prefix: string): AsyncIterable<ListedFile>;
  /** A URL at which the bucket itself serves the file; null for a folder, of which this service has to serve the files. */
  signedUrl(name: string, link: SignedLink): Promise<string | null>;
  /** Why nothing can be stored at the moment, as a sentence for the operator; null where files can be stored. */
  problem(): Promise<string | null>;
  /** Removes the temporary files that a dead process left more than an hour ago. It happens at every start as well. */
  sweep(): Promise<void>;
}

/** A body that has arrived as a whole and has no name yet. Leaving its scope (`await using`) discards it as well. */
export interface IncomingFile extends AsyncDisposable {
  readonly sizeBytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** The first 4,096 bytes, or fewer where the file is shorter. */
  readonly head: Buffer;
  /** Where the bytes are until then, for a closer look at them. */
  readonly path: string;
  /** Gives the file its name, in the place of one that had it. A folder does not keep the type. */
  keep(name: string, contentType: string): Promise<void>;
  /** Removes the bytes. Afterwards, as after `keep`, it does nothing. */
  discard(): Promise<void>;
}

export interface ReceiveLimits {
  readonly maxBytes: number;
  /** Ends the wait for more bytes, even where the body itself goes on waiting. */
  readonly signal?: AbortSignal;
}

export interface FileFacts {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface ListedFile extends FileFacts {
  readonly name: string;
}

export interface SignedLink {
  /** When the time of the link begins. Calls with an equal one return an equal link, which caches can keep. */
  readonly signedAt: Date;
  /** 7 days at most. */
  readonly expiresInSeconds: number;
  readonly contentType: string;
  /** What a browser calls the file when it saves it. */
  readonly fileName: string;
}
