import { basename, dirname, extname, join } from 'node:path';

/** What STORAGE_URL names. */
export type StorageLocation =
  | { readonly kind: 'disk'; readonly folder: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

/** Characters that mean themselves in a URL, and no segment `.` or `..`, which URL parsers would remove. */
const bucketUrl =
  /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]{1,100}){0,5})\/?$/;

const folderUrl = /^file:(?:\/\/(?=\/))?(.+)$/;

/** Reads a STORAGE_URL; null where it is no such URL. */
export function storageLocation(url: string): StorageLocation | null {
  const [, folder] = folderUrl.exec(url) ?? [];
  if (folder !== undefined) return { kind: 'disk', folder };
  const [, bucket, prefix = ''] = bucketUrl.exec(url) ?? [];
  return bucket === undefined ? null : { kind: 's3', bucket, prefix: prefix.slice(1) };
}

/**
 * Where files are kept when STORAGE_URL is not set: in a folder beside a SQLite file, named like it, so that each
 * database has its own (`data/videos.db` has `data/videos-files`). Null with PostgreSQL.
 */
export function defaultFolder(databaseUrl: string): string | null {
  if (!databaseUrl.startsWith('file:')) return null;
  const path = databaseUrl.slice('file:'.length);
  return join(dirname(path), `${basename(path, extname(path))}-files`);
}
