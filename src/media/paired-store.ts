import { randomUUID } from 'node:crypto';
import { OperatorError } from '../errors.ts';
import type { FileStore } from '../files/file-store.ts';
import { openFileStore, type StorageSettings } from '../files/open-file-store.ts';
import type { VideoFileStore } from './video-file.ts';

/** The file store belongs to another database, or the database to another file store. */
export class StorePairError extends OperatorError {
  override readonly name = 'StorePairError';
}

/**
 * Opens the file store that belongs to the database. Both carry the same id: so an instance with another folder does not
 * serve half of the files, and none sweeps away the files of another service. The database is given the id first. A store
 * without an id is taken only as long as the database has no files, because otherwise it is the wrong one.
 *
 * @throws StorePairError when the two do not belong together.
 * @throws StorageOpenError when the store cannot be opened.
 */
export async function openPairedStore(
  settings: StorageSettings,
  rows: Pick<VideoFileStore, 'storeId' | 'hasFiles'>,
): Promise<FileStore> {
  const id = await rows.storeId(randomUUID());
  const store = await openFileStore(settings, (await rows.hasFiles()) ? null : id);
  if (store.id === id) return store;
  throw new StorePairError(
    `${store.place} is the file store of another database: set STORAGE_URL to another place, or use the database that belongs to it.`,
  );
}
