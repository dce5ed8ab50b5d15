import type { Logger } from 'pino';
import type { FileStore } from '../files/file-store.ts';
import type { FileLinks } from './file-links.ts';
import { ImageDeletion } from './image-deletion.ts';
import type { ImageFileStore } from './image-file.ts';
import { ImageUploads, type ImageUploadsSettings } from './image-uploads.ts';
import { KeptImages, type KeptImagesSettings } from './kept-images.ts';
import type { VideoFileStore } from './video-file.ts';

/** The store of files, with the links to it. */
export interface FileStorage {
  readonly files: FileStore;
  /** Signs links to files. */
  readonly links: FileLinks;
  /** Signs links to which images are sent. */
  readonly uploadLinks: FileLinks;
}

export interface ReferenceImagesDependencies {
  readonly rows: ImageFileStore;
  readonly videoRows: Pick<VideoFileStore, 'storedBytes'>;
  /** Null where nothing is stored. */
  readonly storage: FileStorage | null;
  readonly now: () => Date;
  readonly log: Logger;
}

export interface ReferenceImagesSettings extends ImageUploadsSettings, KeptImagesSettings {
  readonly pollMs: number;
}

/** Makes the parts that keep reference images: their uploads, their use by orders, and their deletion. */
export function createReferenceImages(
  { storage, ...shared }: ReferenceImagesDependencies,
  settings: ReferenceImagesSettings,
) {
  const { rows, now, log } = shared;
  const uploadStorage = storage && { files: storage.files, links: storage.uploadLinks };
  return {
    uploads: new ImageUploads({ ...shared, stored: uploadStorage }, settings),
    keptImages: new KeptImages({ ...shared, stored: storage }, settings),
    deletion: storage && new ImageDeletion({ rows, files: storage.files, now, log }, settings.pollMs),
  };
}
