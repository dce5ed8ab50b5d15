import { lstat, mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { onDisk, StorageError } from './storage-error.ts';

/**
 * A folder in a temporary directory that only this user may enter. All users of the machine may write to such a
 * directory, so a folder that another one made there is refused.
 *
 * @throws StorageError
 */
export async function privateTemporaryFolder(directory: string, name: string): Promise<string> {
  const { uid } = userInfo();
  const folder = join(directory, `${name}-${uid}`);
  await onDisk(folder, mkdir(folder, { recursive: true, mode: 0o700 }));
  const found = await onDisk(folder, lstat(folder));
  if (!found.isDirectory() || found.uid !== uid) throw new StorageError(`${folder} is not a folder of this user.`);
  return folder;
}
