import type { Logger } from 'pino';
import type { Database } from './database/database.ts';
import { createImageFileStore } from './database/prisma-image-file-store.ts';
import { createVideoFileStore } from './database/prisma-video-file-store.ts';
import type { Environment } from './environment.ts';
import type { FileStore } from './files/file-store.ts';
import { ByteRate } from './media/byte-rate.ts';
import { FileLinks } from './media/file-links.ts';
import { Housekeeping } from './media/housekeeping.ts';
import { Media } from './media/media.ts';
import { openPairedStore } from './media/paired-store.ts';
import { createReferenceImages } from './media/reference-images.ts';
import { VideoStoring } from './media/video-storing.ts';
import { createOutboundClient } from './outbound/guarded-client.ts';
import { deriveKey, secretBeside } from './service-secret.ts';
import type { RecordChange } from './tasks/record-change.ts';
import type { TaskStore } from './tasks/task-store.ts';
import type { Upstream } from './tasks/upstream.ts';

/** The part of the composition root that makes what is kept: files, the links to them, and the work on them. */

export interface MediaParts {
  readonly environment: Environment;
  readonly database: Database;
  /** Null where nothing is stored. */
  readonly files: FileStore | null;
  readonly sandboxUrl: string | null;
  /** Where the service listens, for links where PUBLIC_BASE_URL is not set. */
  readonly address: { readonly ownUrl: string };
  readonly store: TaskStore;
  readonly record: RecordChange;
  readonly upstream: Upstream;
  readonly now: () => Date;
  readonly log: Logger;
}

/** Makes what keeps results and reference images, the links to them, and, where files are stored at all, what works on them. */
export function createMedia({ environment, database, files, store, record, upstream, now, log, ...parts }: MediaParts) {
  const { media: settings, outbound, publicBaseUrl, sandbox } = environment;
  const rows = createVideoFileStore(database.client);
  const imageRows = createImageFileStore(database.client);
  const storage = files && { files, ...linksOf(environment, parts.address) };
  const { deletion, ...images } = createReferenceImages(
    { rows: imageRows, videoRows: rows, storage, now, log },
    { ...settings.images, publicBaseUrl, sandbox: sandbox !== null },
  );
  const holdsKey = (text: string) => upstream.holdsKey(text);
  const shared = { rows, images: imageRows, holdsKey, now, sendRate: new ByteRate(settings.fileBytesPerSecond) };
  if (!storage || !deletion) return { media: new Media({ ...shared, stored: null }), ...images, loops: [] };
  const privateHosts = [...outbound.privateHosts, ...(parts.sandboxUrl ? [new URL(parts.sandboxUrl).host] : [])];
  const download = {
    client: createOutboundClient({ privateHosts }),
    rate: new ByteRate(settings.storeBytesPerSecond),
    maxBytes: settings.maxVideoBytes,
  };
  const storing = new VideoStoring(
    { rows, files: storage.files, tasks: store, record, download, holdsKey, now, log },
    settings.storing,
  );
  const housekeeping = new Housekeeping(storage.files, { videos: rows, images: imageRows }, now, log);
  const media = new Media({ ...shared, stored: { ...storage, storing } });
  return { media, ...images, loops: [storing, deletion, housekeeping] };
}

/** What signs links to files, and, with keys of its own, links to which images are sent. */
function linksOf({ media, serviceSecrets, databaseUrl, publicBaseUrl }: Environment, address: { ownUrl: string }) {
  const secrets = serviceSecrets ?? [secretBeside(databaseUrl)];
  const linksFor = (purpose: string) =>
    new FileLinks({
      keys: secrets.map((secret) => deriveKey(secret, purpose)),
      linkHours: media.linkHours,
      baseUrl: () => publicBaseUrl ?? address.ownUrl,
    });
  return { links: linksFor('file-links'), uploadLinks: linksFor('upload-links') };
}

/** The store of files that belongs to the database; null where nothing is stored. */
export async function openFiles({ storage }: Environment, database: Database, log: Logger): Promise<FileStore | null> {
  if (storage === null) {
    log.info(
      'No files are kept, because STORAGE_URL is none or not set: finished videos end with the links of the vendor.',
    );
    return null;
  }
  const files = await openPairedStore(storage, createVideoFileStore(database.client));
  log.info(`Files in ${files.place}`);
  return files;
}
