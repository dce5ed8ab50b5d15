import { randomUUID } from 'node:crypto';
import type { DiskSettings } from './disk/disk-store.ts';
import type { FileStore } from './file-store.ts';
import type { S3StoreSettings } from './s3/s3-store.ts';
import { StorageError, StorageOpenError } from './storage-error.ts';

export type StorageSettings = ({ readonly kind: 'disk' } & DiskSettings) | ({ readonly kind: 's3' } & S3StoreSettings);

/**
 * Opens the folder or the bucket, and removes what dead processes left. One that has no id yet is given `newId`; with null
 * it is refused, because it cannot be the one that files were kept in.
 *
 * @throws StorageOpenError when it is missing, does not answer, or does not let this process write.
 */
export async function openFileStore(
  settings: StorageSettings,
  newId: string | null = randomUUID(),
): Promise<FileStore> {
  try {
    return await open(settings, newId);
  } catch (error) {
    throw error instanceof StorageError ? new StorageOpenError(error.message, { cause: error }) : error;
  }
}

// Each kind is loaded only where it is used.
async function open(settings: StorageSettings, newId: string | null): Promise<FileStore> {
  if (settings.kind === 'disk') {
    const { openDiskStore } = await import('./disk/disk-store.ts');
    return openDiskStore(settings, newId);
  }
  const { openS3Store } = await import('./s3/s3-store.ts');
  return openS3Store(settings, newId);
}
