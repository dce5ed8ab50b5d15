import { OperatorError } from '../errors.ts';

/**
 * The folder or the bucket did not do its part; it may do so later. The message is a sentence for the operator, without
 * secrets.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** The files cannot be used, so the service does not start. */
export class StorageOpenError extends OperatorError {
  override readonly name = 'StorageOpenError';
}

/** The body has more bytes than its caller allows. */
export class FileTooLargeError extends Error {
  override readonly name = 'FileTooLargeError';
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`The file has more than ${maxBytes} bytes.`);
    this.maxBytes = maxBytes;
  }
}

/** What the codes of the system mean for a folder. */
const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'its disk is full',
  EDQUOT: 'its quota of disk space is used up',
  EROFS: 'it is mounted read-only',
  EACCES: 'this process has no permission',
  EPERM: 'this process has no permission',
  EIO: 'its disk reports an error',
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is not a folder',
  ESTALE: 'its network file system has lost it',
  EMFILE: 'this process has too many open files',
  ENFILE: 'this machine has too many open files',
};

/** The code of an error of the system, such as ENOSPC; null for any other error. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** The error of a call to the file system, in words that name the folder; all other errors as they are. */
export function diskError(folder: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === null) return error;
  const meaning = meanings[code];
  return new StorageError(`The folder ${folder} cannot be used: ${meaning ? `${meaning} (${code})` : code}.`, {
    cause: error,
  });
}

/** Waits for a call to the file system, and throws its error in words. */
export async function onDisk<Result>(folder: string, call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    throw diskError(folder, error);
  }
}
