import { access, constants, type FileHandle, mkdir, open, opendir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../../byte-range.ts';
import { fileName, isFileName, namePrefix } from '../file-name.ts';
import type { FileFacts, FileStore, IncomingFile, ListedFile, ReceiveLimits } from '../file-store.ts';
import { IncomingFiles } from '../incoming-files.ts';
import { diskError, onDisk, StorageError, systemCode } from '../storage-error.ts';
import { flush } from './flush.ts';
import { markedId, readMarker } from './marker.ts';

export interface DiskSettings {
  readonly folder: string;
  /** Whether a missing folder is created. A folder that the operator has named may be a disk that is not mounted. */
  readonly createFolder: boolean;
  /** With fewer bytes free on its disk, nothing is stored. */
  readonly minFreeBytes: number;
}

/** Where temporary files are, on the same disk as the files. No name of a file contains a dot. */
const incomingFolder = '.incoming';

/**
 * Opens a folder of files.
 *
 * @throws StorageError when it is missing or not writable.
 */
export async function openDiskStore(
  { folder, createFolder, minFreeBytes }: DiskSettings,
  newId: string | null,
): Promise<FileStore> {
  const root = resolve(folder);
  const id = await onDisk(root, prepare(root, createFolder, newId));
  const incoming = new IncomingFiles(join(root, incomingFolder), minFreeBytes);
  await incoming.sweep();
  return new DiskStore(root, id, incoming);
}

async function prepare(root: string, create: boolean, newId: string | null): Promise<string> {
  if (create) await mkdir(root, { recursive: true });
  const incoming = join(root, incomingFolder);
  await mkdir(incoming).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  for (const folder of [root, incoming]) await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  return markedId(root, incoming, newId);
}

class DiskStore implements FileStore {
  readonly place: string;
  readonly id: string;
  readonly #root: string;
  readonly #incoming: IncomingFiles;

  constructor(root: string, id: string, incoming: IncomingFiles) {
    this.#root = root;
    this.#incoming = incoming;
    this.id = id;
    this.place = `the folder ${root}`;
  }

  async receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<IncomingFile> {
    const received = await this.#incoming.receive(body, limits);
    const keep = async (name: string) => this.#onDisk(this.#keep(received.path, this.#pathOf(name)));
    return { ...received, keep };
  }

  async #keep(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    // A rename, or a new folder, survives a power cut once the folder that holds its name is flushed.
    for (let folder = dirname(to); folder.length >= this.#root.length; folder = dirname(folder)) await flush(folder);
  }

  async open(name: string, range?: ByteRange): Promise<Readable | null> {
    return this.#onDisk(nullIfMissing(openFile(this.#pathOf(name), range)));
  }

  async parts(name: string, { start, end }: ByteRange): Promise<AsyncGenerator<Uint8Array> | null> {
    const file = await this.#onDisk(nullIfMissing(open(this.#pathOf(name))));
    return file && partsOf(file, start, end);
  }

  async stat(name: string): Promise<FileFacts | null> {
    const found = await this.#onDisk(nullIfMissing(stat(this.#pathOf(name))));
    return found?.isFile() ? { sizeBytes: found.size, modifiedAt: found.mtime } : null;
  }

  async delete(name: string): Promise<void> {
    await this.#onDisk(nullIfMissing(unlink(this.#pathOf(name))));
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    // The folder part of the prefix is where the search begins; what is left of it begins the names in there.
    const folder = namePrefix(prefix).slice(0, prefix.lastIndexOf('/') + 1);
    for await (const name of this.#namesIn(folder)) {
      const facts = name.startsWith(prefix) ? await this.stat(name) : null;
      if (facts) yield { name, ...facts };
    }
  }

  /** The names of all files in a folder and in those below it. The name of a folder is empty or ends with a slash. */
  async *#namesIn(folder: string): AsyncGenerator<string> {
    const entries = await this.#onDisk(nullIfMissing(opendir(join(this.#root, folder))));
    if (entries === null) return;
    try {
      for await (const entry of entries) {
        const name = `${folder}${entry.name}`;
        if (!isFileName(name)) continue;
        if (entry.isDirectory()) yield* this.#namesIn(`${name}/`);
        else if (entry.isFile()) yield name;
      }
    } catch (error) {
      throw diskError(this.#root, error);
    }
  }

  async signedUrl(): Promise<null> {
    return null;
  }

  async problem(): Promise<string | null> {
    try {
      // A disk that was unmounted leaves an empty folder in its place, on another disk.
      const id = await this.#onDisk(readMarker(this.#root));
      if (id !== this.id)
        return `The folder ${this.#root} is another one than at the start: its disk may not be mounted.`;
      return await this.#incoming.spaceProblem();
    } catch (error) {
      if (error instanceof StorageError) return error.message;
      throw error;
    }
  }

  sweep(): Promise<void> {
    return this.#incoming.sweep();
  }

  #pathOf(name: string): string {
    return join(this.#root, fileName(name));
  }

  #onDisk<Result>(call: Promise<Result>): Promise<Result> {
    return onDisk(this.#root, call);
  }
}

async function nullIfMissing<Result>(call: Promise<Result>): Promise<Result | null> {
  try {
    return await call;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** How many bytes are read at a time. */
const partBytes = 64 * 1024;

async function* partsOf(file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, end + 1 - start));
    for (let at = start; at <= end; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end + 1 - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openFile(path: string, range?: ByteRange): Promise<Readable | null> {
  const file = await open(path);
  const facts = await file.stat();
  if (facts.isFile()) return file.createReadStream(range);
  await file.close();
  return null;
}
