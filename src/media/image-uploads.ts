import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { formatProblem } from '../catalogue/image-formats.ts';
import { ImageRefusedError, LimitExceededError, NotConfiguredError, UploadStateError } from '../errors.ts';
import type { FileStore, IncomingFile } from '../files/file-store.ts';
import { FileTooLargeError, StorageError } from '../files/storage-error.ts';
import { later } from '../tasks/moment.ts';
import type { Viewer } from '../tasks/task-reader.ts';
import { type FileLink, type FileLinks, readLink } from './file-links.ts';
import type { ImageFile, ImageFileStore } from './image-file.ts';
import { type ImageType, imageTypes } from './image-types.ts';
import { pixelSizeOf } from './pixel-size.ts';
import { whereStored } from './store-trouble.ts';
import type { VideoFileStore } from './video-file.ts';

/** How large an uploaded image may be. */
export const maxUploadBytes = 20 * 1024 * 1024;

/** How long an image may be sent after its upload was created. */
export const uploadValidMs = 60 * 60_000;

/** How long after that a row stays, for an image whose sending began in time. */
const graceMs = 10 * 60_000;

/** How much of an image is read to find its size in pixels: a JPEG may have much before it. */
const headBytes = 1024 * 1024;

export interface ImageUploadsSettings {
  /** How many uploads of one client may wait for their images. */
  readonly maxUploads: number;
  /** How long an image is kept after its last use. */
  readonly retentionMs: number;
  /** How many bytes are stored for one client; null for no limit. */
  readonly maxClientBytes: number | null;
}

/** What uploads need where files are stored at all. */
export interface UploadStorage {
  readonly files: FileStore;
  /** Signs the links to which images are sent, with keys of their own, so that no link to a file is one of them. */
  readonly links: FileLinks;
}

export interface ImageUploadsDependencies {
  readonly rows: Pick<ImageFileStore, 'create' | 'update' | 'remove' | 'find' | 'waitingOf'>;
  readonly videoRows: Pick<VideoFileStore, 'storedBytes'>;
  /** Null where nothing is stored. */
  readonly stored: UploadStorage | null;
  readonly now: () => Date;
  readonly log: Logger;
}

/** Takes reference images from disk: a client creates an upload, and sends the image to its link once. */
export class ImageUploads {
  readonly #with: ImageUploadsDependencies;
  readonly #settings: ImageUploadsSettings;
  /** The uploads whose images are arriving here, so that one link does not take many images at once. */
  readonly #arriving = new Set<string>();

  constructor(dependencies: ImageUploadsDependencies, settings: ImageUploadsSettings) {
    this.#with = dependencies;
    this.#settings = settings;
  }

  /**
   * Creates an upload for an image of this type and size.
   *
   * @throws NotConfiguredError where nothing is stored.
   * @throws LimitExceededError when the client has too many uploads open, or too many bytes stored.
   * @throws StorageUnavailableError, DatabaseUnavailableError
   */
  async create(client: string, type: ImageType, sizeBytes: number): Promise<ImageFile> {
    const { rows, now, log } = this.#with;
    const { files } = this.#stored();
    await whereStored(log, async () => {
      const problem = await files.problem();
      if (problem !== null) throw new StorageError(problem);
    });
    const createdAt = now();
    // A link names its end in seconds.
    const uploadUntil = new Date(Math.ceil((createdAt.getTime() + uploadValidMs) / 1_000) * 1_000);
    const none = { sha256: null, widthPixels: null, heightPixels: null, name: null, deleteAt: null };
    const { contentType } = imageTypes[type];
    const facts = {
      id: uuidv7({ msecs: createdAt.getTime() }),
      client,
      contentType,
      sizeBytes,
      createdAt,
      uploadUntil,
    };
    const dueAt = later(uploadUntil, graceMs);
    const upload = await rows.create({ ...facts, ...none, origin: 'UPLOAD', state: 'WAITING', dueAt });
    // Counted with the new row: of requests that arrive together none sees fewer than there are.
    const excess = await this.#excessOf(client);
    if (!excess) return upload;
    await rows.remove(upload);
    throw excess;
  }

  /** The upload with this id; null where there is none or the viewer may not see it. Throws DatabaseUnavailableError. */
  async find({ client, seesAll }: Viewer, id: string): Promise<ImageFile | null> {
    const file = await this.#with.rows.find(id);
    return file?.origin === 'UPLOAD' && (seesAll || file.client === client) ? file : null;
  }

  /** The link to which the image of an upload is sent; null where none is awaited. */
  linkOf({ id, state, uploadUntil }: ImageFile): FileLink | null {
    const { stored, now } = this.#with;
    if (!stored || state !== 'WAITING' || !uploadUntil || now() >= uploadUntil) return null;
    return stored.links.signUntil(pathOf(id), uploadUntil);
  }

  /** The upload to which a link leads; null where the link is not valid, or not any more. Throws DatabaseUnavailableError. */
  async findLinked(url: string): Promise<ImageFile | null> {
    const { stored, rows, now } = this.#with;
    const link = readLink(url);
    if (!link || !stored?.links.verify(link, now())) return null;
    const [, id = ''] = /^uploads\/([^.]+)\.put$/.exec(link.path) ?? [];
    return rows.find(id);
  }

  /**
   * Stores the image of an upload. Nothing is kept of one that is refused or does not arrive as a whole.
   *
   * @throws UploadStateError when an image has arrived already, or is arriving.
   * @throws ImageRefusedError when it has another type or size than was announced.
   * @throws StorageUnavailableError, DatabaseUnavailableError, or the error of the body.
   */
  async receive(upload: ImageFile, body: AsyncIterable<Uint8Array>): Promise<ImageFile> {
    if (upload.state !== 'WAITING' || this.#arriving.has(upload.id)) throw alreadySent(upload);
    this.#arriving.add(upload.id);
    try {
      return await whereStored(this.#with.log, () => this.#receive(upload, body));
    } finally {
      this.#arriving.delete(upload.id);
    }
  }

  async #receive(upload: ImageFile, body: AsyncIterable<Uint8Array>): Promise<ImageFile> {
    const { rows, now } = this.#with;
    const { files } = this.#stored();
    await using incoming = await files.receive(body, { maxBytes: upload.sizeBytes }).catch(asRefusal);
    refuseOther(upload, incoming);
    const pixels = pixelSizeOf(await headOf(incoming.path));
    const name = `images/${upload.id}/${randomUUID()}`;
    await incoming.keep(name, upload.contentType);
    const deleteAt = later(now(), this.#settings.retentionMs);
    const facts = { name, sha256: incoming.sha256, ...pixels, deleteAt, dueAt: deleteAt };
    const received = await rows.update(upload, { state: 'READY', ...facts });
    if (received) return received;
    await files.delete(name);
    throw alreadySent(upload);
  }

  #stored(): UploadStorage {
    const { stored } = this.#with;
    if (stored) return stored;
    throw new NotConfiguredError('No files are stored here: for uploads the operator has to set STORAGE_URL.');
  }

  /** The limit that the client's uploads exceed; null where they exceed none. */
  async #excessOf(client: string): Promise<LimitExceededError | null> {
    const { rows, videoRows } = this.#with;
    const { maxUploads, maxClientBytes } = this.#settings;
    const { count, bytes } = await rows.waitingOf(client);
    if (count > maxUploads)
      return new LimitExceededError('Too many uploads wait for their images', 'MAX_UPLOADS', maxUploads, null);
    if (maxClientBytes === null || bytes + (await videoRows.storedBytes(client)) <= maxClientBytes) return null;
    return new LimitExceededError('The files of the client take too many bytes', 'STORED_BYTES', maxClientBytes, null);
  }
}

const pathOf = (id: string): string => `uploads/${id}.put`;

const alreadySent = ({ id }: ImageFile) =>
  new UploadStateError(
    `The upload ${id} takes one image, and one has been sent or is being sent: create another upload.`,
  );

function asRefusal(error: unknown): never {
  if (!(error instanceof FileTooLargeError)) throw error;
  throw new ImageRefusedError(`The image has more than the ${error.maxBytes} bytes that were announced.`, 413);
}

function refuseOther({ contentType, sizeBytes }: ImageFile, incoming: IncomingFile): void {
  if (incoming.sizeBytes !== sizeBytes)
    throw new ImageRefusedError(`The image has ${incoming.sizeBytes} bytes, and ${sizeBytes} were announced.`, 400);
  const problem = formatProblem(contentType, incoming.head);
  if (problem !== null) throw new ImageRefusedError(`The image ${problem}.`, 415);
}

async function headOf(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  return buffer.subarray(0, bytesRead);
}
