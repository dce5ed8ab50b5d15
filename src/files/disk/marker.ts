import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError, systemCode } from '../storage-error.ts';
import { flush } from './flush.ts';

/**
 * The marker is a folder with one file in it, because to rename a folder onto one that is not empty fails on every file
 * system: of two instances that start at the same time one makes the marker, with its content, and both read it.
 */
const markerFolder = '.store';
const idFile = 'id';

/** The id of a folder. One that has none is given `newId`; with null that is a StorageError. */
export async function markedId(root: string, incomingFolder: string, newId: string | null): Promise<string> {
  const id = await readMarker(root);
  if (id !== null) return id;
  if (newId === null) throw new StorageError(`The folder ${root} is not the one that files were kept in.`);
  await mark(root, join(incomingFolder, randomUUID()), newId);
  return idIn(join(root, markerFolder));
}

/** The id in the marker of a folder; null where it has none. */
export async function readMarker(root: string): Promise<string | null> {
  try {
    return await idIn(join(root, markerFolder));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

const idIn = async (marker: string): Promise<string> => (await readFile(join(marker, idFile), 'utf8')).trim();

/** Makes the marker as a temporary folder, and gives it its name, unless another instance was faster. */
async function mark(root: string, temporary: string, newId: string): Promise<void> {
  await mkdir(temporary);
  await using file = await open(join(temporary, idFile), 'wx');
  await file.writeFile(`${newId}\n`);
  await file.sync();
  await flush(temporary);
  try {
    await rename(temporary, join(root, markerFolder));
    await flush(root);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const code = systemCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
