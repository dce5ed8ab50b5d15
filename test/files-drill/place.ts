import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '../../src/database/database.ts';
import type { StorageSettings } from '../../src/files/open-file-store.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { createBucket, type S3Server } from '../support/s3.ts';

/** Where the files are kept. */
export const storeKinds = ['disk', 's3'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** The servers that all drills of a run share. */
export interface Servers {
  readonly postgresUrl: string;
  readonly s3: Omit<S3Server, 'stop'>;
}

/** The database and the store of one drill. */
export interface Place {
  readonly databaseUrl: string;
  /** The store, as the drill opens it beside the service. */
  readonly storage: StorageSettings;
  /** The folder through which files pass on their way to a bucket. */
  readonly temporaryFolder: string;
  /** The same for the service, by the names of its settings. */
  readonly settings: Readonly<Record<string, string>>;
  readonly remove: () => void;
}

export async function createPlace(provider: Provider, kind: StoreKind, servers: Servers): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-drill-'));
  const temporaryFolder = join(directory, 'temporary');
  const folder = join(directory, 'files');
  for (const path of [temporaryFolder, folder]) mkdirSync(path);
  const isSqlite = provider === 'sqlite';
  const databaseUrl = isSqlite ? `file:${directory}/videos.db` : await createPostgresDatabase(servers.postgresUrl);
  const store = kind === 'disk' ? onDisk(folder) : await inBucket(servers.s3, temporaryFolder);
  return {
    ...{ databaseUrl, temporaryFolder, storage: store.storage },
    settings: { ...store.settings, STORAGE_MIN_FREE_BYTES: '0', TMPDIR: temporaryFolder },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

interface Store {
  readonly storage: StorageSettings;
  readonly settings: Readonly<Record<string, string>>;
}

const onDisk = (folder: string): Store => ({
  storage: { kind: 'disk', folder, createFolder: false, minFreeBytes: 0 },
  settings: { STORAGE_URL: `file:${folder}` },
});

async function inBucket(server: Servers['s3'], temporaryDirectory: string): Promise<Store> {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const bucket = await createBucket(server);
  const access = { endpoint, region, accessKeyId, secretAccessKey, sessionToken: null };
  return {
    storage: {
      ...{ kind: 's3', bucket, prefix: '', addressing: 'path', temporaryDirectory, minFreeBytes: 0 },
      ...access,
    },
    settings: {
      STORAGE_URL: `s3://${bucket}`,
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  };
}
