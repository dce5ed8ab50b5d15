import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Turns } from '../work/turns.ts';
import type { IncomingFile, ReceiveLimits } from './file-store.ts';
import { FileTooLargeError, onDisk, StorageError } from './storage-error.ts';
import { orAborted } from './waiting.ts';

const headBytes = 4_096;

/**
 * How many bytes are written between two flushes. A flush holds one of the few threads for files and name lookups, so
 * it must not have a whole video to write. The free space is checked just as often.
 */
const flushBytes = 8 * 1024 * 1024;

/**
 * How many parts of bodies are hashed and written at the same time. Of the four threads for files and name lookups, the
 * others are left to those who read files; and however many bodies come, a turn of the event loop has a few parts to
 * look at, and not one of each.
 */
const writesAtOnce = 2;

/** After how long an untouched temporary file is taken for one that a dead process left. */
const staleMs = 60 * 60_000;

/** A body that has arrived. The store adds how it is kept. */
export type ReceivedFile = Omit<IncomingFile, 'keep'>;

/** Receives bodies into temporary files of one folder. */
export class IncomingFiles {
  readonly #folder: string;
  readonly #minFreeBytes: number;
  readonly #turns = new Turns(writesAtOnce);

  constructor(folder: string, minFreeBytes: number) {
    this.#folder = folder;
    this.#minFreeBytes = minFreeBytes;
  }

  /**
   * Writes a body into a file of its own and flushes it. Nothing is left of a body that does not arrive as a whole.
   *
   * @throws StorageError, FileTooLargeError, or the error of the body.
   */
  async receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<ReceivedFile> {
    await this.#checkSpace();
    const path = join(this.#folder, randomUUID());
    const file = await onDisk(this.#folder, open(path, 'wx', 0o600));
    try {
      const received = await this.#write(file, body, limits);
      await onDisk(this.#folder, file.sync());
      const discard = () => onDisk(this.#folder, rm(path, { force: true }));
      return { path, ...received, discard, [Symbol.asyncDispose]: discard };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close().catch(() => {});
    }
  }

  async #write(file: FileHandle, body: AsyncIterable<Uint8Array>, { maxBytes, signal }: ReceiveLimits) {
    const hash = createHash('sha256');
    let head = Buffer.alloc(0);
    let sizeBytes = 0;
    let unflushedBytes = 0;
    for await (const chunk of signal ? orAborted(body, signal) : body) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new FileTooLargeError(maxBytes);
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      unflushedBytes += chunk.length;
      const isFlushed = unflushedBytes >= flushBytes;
      await this.#turns.take(async () => {
        hash.update(chunk);
        await onDisk(this.#folder, file.appendFile(chunk));
        if (isFlushed) await onDisk(this.#folder, file.datasync());
      });
      if (!isFlushed) continue;
      unflushedBytes = 0;
      await this.#checkSpace();
    }
    return { sizeBytes, sha256: hash.digest('hex'), head };
  }

  /** Why there is no space for another file; null where there is. */
  async spaceProblem(): Promise<string | null> {
    const { bavail, bsize } = await onDisk(this.#folder, statfs(this.#folder));
    const freeBytes = bavail * bsize;
    if (freeBytes >= this.#minFreeBytes) return null;
    return `The disk of ${this.#folder} has ${freeBytes} bytes free, and STORAGE_MIN_FREE_BYTES asks for ${this.#minFreeBytes}.`;
  }

  async #checkSpace(): Promise<void> {
    const problem = await this.spaceProblem();
    if (problem) throw new StorageError(problem);
  }

  /** Removes what dead processes left. A file that another process removes at the same time is no error. */
  async sweep(now = Date.now()): Promise<void> {
    for (const name of await onDisk(this.#folder, readdir(this.#folder))) {
      const path = join(this.#folder, name);
      const found = await lstat(path).catch(() => null);
      if (found && now - found.mtimeMs > staleMs)
        await onDisk(this.#folder, rm(path, { recursive: true, force: true }));
    }
  }
}
