import type { Logger } from 'pino';
import { StorageUnavailableError } from '../errors.ts';
import { StorageError } from '../files/storage-error.ts';

/** Runs what uses the file store. Its errors become one that callers may see; the reason, which may name folders, is logged. */
export async function whereStored<Result>(log: Logger, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (err) {
    if (!(err instanceof StorageError)) throw err;
    log.error({ err }, 'the file store cannot be used for an image');
    throw new StorageUnavailableError(err);
  }
}
