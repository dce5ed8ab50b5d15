import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { FileStore, IncomingFile, ListedFile } from '../../src/files/file-store.ts';
import { openFileStore, type StorageSettings } from '../../src/files/open-file-store.ts';
import { StorageOpenError } from '../../src/files/storage-error.ts';

/** The limit of bodies whose size is not what is tested. */
export const maxBytes = 1024 * 1024;

/** A body that arrives in these parts. */
export async function* bodyOf(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Receives a body and gives it a name. */
export async function store(files: FileStore, name: string, content: string | Uint8Array): Promise<IncomingFile> {
  const file = await files.receive(bodyOf(content), { maxBytes });
  await file.keep(name, 'video/mp4');
  return file;
}

/** The content of a file; null where there is none. */
export async function contentOf(files: FileStore, ...of: Parameters<FileStore['open']>): Promise<string | null> {
  const stream = await files.open(...of);
  return stream && (await buffer(stream)).toString();
}

const inOrder = (one: string, other: string): number => (one < other ? -1 : 1);

/** All files whose names begin with a prefix. */
export async function listed(files: FileStore, prefix = ''): Promise<ListedFile[]> {
  const found: ListedFile[] = [];
  for await (const file of files.list(prefix)) found.push(file);
  return found;
}

/** Their names, in order. */
export async function namesIn(files: FileStore, prefix = ''): Promise<string[]> {
  return (await listed(files, prefix)).map(({ name }) => name).toSorted(inOrder);
}

/** The folder in which a store has its temporary files. */
export async function temporaryFolderOf(files: FileStore): Promise<string> {
  await using file = await files.receive(bodyOf(), { maxBytes });
  return dirname(file.path);
}

/** What the start over a place says. */
export async function openingProblem(settings: StorageSettings): Promise<string> {
  const error = await openFileStore(settings).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StorageOpenError);
  return (error as StorageOpenError).message;
}
