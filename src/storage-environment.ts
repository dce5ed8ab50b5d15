import { tmpdir } from 'node:os';
import { isLoopback } from './access/authenticator.ts';
import type { StorageSettings } from './files/open-file-store.ts';
import { defaultFolder, storageLocation } from './files/storage-location.ts';
import type { Settings } from './settings.ts';

/** The settings that say where the database and the files are. */
export const placeSettings = {
  DATABASE_URL: true,
  STORAGE_URL: true,
  STORAGE_MIN_FREE_BYTES: true,
  S3_ENDPOINT: true,
  S3_REGION: true,
  S3_ADDRESSING: true,
  AWS_ACCESS_KEY_ID: true,
  AWS_SECRET_ACCESS_KEY: true,
  AWS_SESSION_TOKEN: true,
} as const;

/** Where files are kept; null where they are not. */
export function storageOf(settings: Pick<Settings, keyof typeof placeSettings>): StorageSettings | null {
  const { STORAGE_URL: url, STORAGE_MIN_FREE_BYTES: minFreeBytes } = settings;
  const folder = url === undefined ? defaultFolder(settings.DATABASE_URL) : null;
  if (folder !== null) return { kind: 'disk', folder, createFolder: true, minFreeBytes };
  const location = url === undefined ? null : storageLocation(url);
  if (location?.kind !== 's3') return location && { ...location, createFolder: false, minFreeBytes };
  return {
    ...location,
    minFreeBytes,
    temporaryDirectory: tmpdir(),
    endpoint: settings.S3_ENDPOINT ?? `https://s3.${settings.S3_REGION}.amazonaws.com`,
    addressing: settings.S3_ADDRESSING ?? (settings.S3_ENDPOINT === undefined ? 'virtual' : 'path'),
    region: settings.S3_REGION,
    accessKeyId: settings.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: settings.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: settings.AWS_SESSION_TOKEN ?? null,
  };
}

/** What is missing beside a bucket. */
export function storageProblems({ STORAGE_URL: url = '', ...given }: Record<string, string>): string[] {
  if (!url.startsWith('s3:')) return [];
  const missing = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].filter((name) => !(name in given));
  return missing.map((name) => `${name} must be set with STORAGE_URL ${url}`);
}

/** What is missing for links to stored files that callers can follow and instances verify. */
export function linkProblems(settings: Settings): string[] {
  if (storageOf(settings) === null) return [];
  const problems = [];
  if (settings.PUBLIC_BASE_URL === undefined && !isLoopback(settings.HOST))
    problems.push(`PUBLIC_BASE_URL must be set with HOST ${settings.HOST}, or STORAGE_URL to none`);
  if (settings.SERVICE_SECRET === undefined && !settings.DATABASE_URL.startsWith('file:'))
    problems.push('SERVICE_SECRET must be set where files are kept');
  return problems;
}
