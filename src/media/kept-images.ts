import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { capabilityOf, type ModelName } from '../catalogue/models.ts';
import { problemWithHost } from '../catalogue/public-url.ts';
import type { KeptImage, ReferenceImage } from '../catalogue/reference-image.ts';
import { LimitExceededError, NotConfiguredError, UploadStateError } from '../errors.ts';
import type { FileStore } from '../files/file-store.ts';
import type { FoundImage, InlineImage, OrderImages } from '../orders/order-images.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import { later } from '../tasks/moment.ts';
import type { Viewer } from '../tasks/task-reader.ts';
import type { FileLinks } from './file-links.ts';
import type { ImageFile, ImageFileStore } from './image-file.ts';
import { linkNameOf } from './image-types.ts';
import { whereStored } from './store-trouble.ts';
import type { VideoFileStore } from './video-file.ts';

/** How long an image is kept at least after an order, because a task is followed for up to 48 hours. */
export const minHoursAfterOrder = 72;

/** How many bytes of kept images are sent inline with one order. */
export const maxInlinedBytes = 20 * 1024 * 1024;

/** How many bytes of inline images may wait to be stored; those beyond are not stored. */
const maxKeepingBytes = 64 * 1024 * 1024;

/** How many characters of base64 are decoded at a time: a whole number of groups of four. */
const base64Step = 256 * 1024;

/** How far ahead of what is needed the deletion is put, so that frequent orders with one image write its row seldom. */
const slackMs = hourMs;

export interface KeptImagesSettings {
  /** How long an image is kept after its last use. */
  readonly retentionMs: number;
  /** How many bytes are stored for one client; null for no limit. */
  readonly maxClientBytes: number | null;
  /** Where the service is reached from the internet; null where that was not set. */
  readonly publicBaseUrl: string | null;
  /** Whether the sandbox takes the orders: it is on this machine, as the images are. */
  readonly sandbox: boolean;
}

export interface KeptImagesDependencies {
  readonly rows: Pick<ImageFileStore, 'create' | 'update' | 'findMany' | 'find' | 'findReady'>;
  readonly videoRows: Pick<VideoFileStore, 'storedBytes'>;
  /** Null where nothing is stored. */
  readonly stored: { readonly files: FileStore; readonly links: FileLinks } | null;
  readonly now: () => Date;
  readonly log: Logger;
}

/** Gives orders the images that the service keeps, and keeps the inline images of orders. */
export class KeptImages implements OrderImages {
  readonly #with: KeptImagesDependencies;
  readonly #settings: KeptImagesSettings;
  #keepingBytes = 0;

  constructor(dependencies: KeptImagesDependencies, settings: KeptImagesSettings) {
    this.#with = dependencies;
    this.#settings = settings;
  }

  async find(viewer: Viewer, model: ModelName, images: readonly KeptImage[]): Promise<readonly FoundImage[]> {
    const files: ImageFile[] = [];
    for (const image of images) files.push(this.#usable(viewer, image, await this.#rowOf(image)));
    const inline = capabilityOf(model).images.forms.includes('dataUri');
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (inline && bytes > maxInlinedBytes) {
      const what = `The kept images of the order have ${bytes} bytes together, so that nothing was ordered`;
      throw new LimitExceededError(what, 'MAX_INLINED_BYTES', maxInlinedBytes, null);
    }
    if (!inline) this.#refuseUnreachable(model);
    for (const [index, image] of images.entries()) await this.#use(viewer, image, files[index] ?? null);
    return files.map((file, index) => ({
      facts: factsOf(file, images[index]?.kind),
      url: () => (inline ? this.#dataUriOf(file) : this.#linkTo(file)),
    }));
  }

  async keep(client: string, images: readonly InlineImage[]): Promise<boolean> {
    const { stored, log } = this.#with;
    if (!stored) return false;
    let areAllKept = true;
    for (const image of images) {
      const { sizeBytes, sha256 } = image;
      if (this.#keepingBytes + sizeBytes > maxKeepingBytes) {
        log.warn({ client, sha256 }, 'an inline image is not kept: too many wait for the store');
        areAllKept = false;
        continue;
      }
      this.#keepingBytes += sizeBytes;
      const isKept = await this.#keep(stored.files, client, image).catch((err: unknown) => {
        log.warn({ client, sha256, err }, 'an inline image is not kept');
        return false;
      });
      areAllKept &&= isKept;
      this.#keepingBytes -= sizeBytes;
    }
    return areAllKept;
  }

  async #keep(files: FileStore, client: string, image: InlineImage): Promise<boolean> {
    const { rows, videoRows, now, log } = this.#with;
    const { maxClientBytes } = this.#settings;
    const { sha256, sizeBytes, mimeType: contentType } = image;
    const known = await rows.findReady(client, contentType, sha256);
    const deleteAt = this.#neededUntil(slackMs);
    if (known && (await this.#extend(known))) return true;
    if (maxClientBytes !== null && (await videoRows.storedBytes(client)) + sizeBytes > maxClientBytes) {
      log.info({ client, sha256 }, 'an inline image is not kept: the files of the client have reached STORED_BYTES');
      return false;
    }
    await using incoming = await files.receive(bytesIn(image.dataUri), { maxBytes: sizeBytes });
    const createdAt = now();
    const id = uuidv7({ msecs: createdAt.getTime() });
    const name = `images/${id}/${randomUUID()}`;
    await incoming.keep(name, contentType);
    const unknown = { widthPixels: null, heightPixels: null, uploadUntil: null };
    const facts = { id, client, contentType, sizeBytes, sha256, name, createdAt, deleteAt, dueAt: deleteAt };
    await rows.create({ ...facts, ...unknown, origin: 'INLINE', state: 'READY' });
    return true;
  }

  async #rowOf(image: KeptImage): Promise<ImageFile | null> {
    const { rows } = this.#with;
    if (image.kind === 'UPLOAD') return rows.find(image.uploadId);
    return rows.findReady(image.client, image.mimeType, image.sha256);
  }

  /** @throws UploadStateError when the viewer may not use the file, or it is not there. */
  #usable({ client, seesAll }: Viewer, image: KeptImage, file: ImageFile | null): ImageFile {
    if (image.kind === 'KEPT_INLINE' && !file) throw new UploadStateError('An inline image is not kept any more.');
    const id = image.kind === 'UPLOAD' ? image.uploadId : file?.id;
    if (!file || (!seesAll && file.client !== client))
      throw new UploadStateError(`There is no uploaded image with the id ${id}; nothing was ordered.`);
    if (file.state === 'WAITING')
      throw new UploadStateError(`The image of the upload ${id} has not arrived yet; nothing was ordered.`);
    if (file.state === 'DELETED' || file.deleteAt === null || file.deleteAt <= this.#with.now())
      throw new UploadStateError(`The uploaded image ${id} is not kept any more; nothing was ordered.`);
    return file;
  }

  /** Puts the deletion of an image off, so that it stays as long as the task of an order may need it. */
  async #use(viewer: Viewer, image: KeptImage, found: ImageFile | null): Promise<void> {
    for (let file = this.#usable(viewer, image, found); ; ) {
      if (await this.#extend(file)) return;
      file = this.#usable(viewer, image, await this.#rowOf(image));
    }
  }

  /** Puts the deletion of an image off. False where another write came first. */
  async #extend(file: ImageFile): Promise<boolean> {
    if (file.deleteAt !== null && file.deleteAt >= this.#neededUntil(0)) return true;
    const deleteAt = this.#neededUntil(slackMs);
    return (await this.#with.rows.update(file, { deleteAt, dueAt: deleteAt })) !== null;
  }

  #neededUntil(aheadMs: number): Date {
    const { retentionMs } = this.#settings;
    return later(this.#with.now(), Math.max(retentionMs, minHoursAfterOrder * hourMs) + aheadMs);
  }

  /** @throws NotConfiguredError where the upstream could not fetch an image from this service. */
  #refuseUnreachable(model: ModelName): void {
    const { publicBaseUrl, sandbox } = this.#settings;
    const url = publicBaseUrl === null ? null : URL.parse(publicBaseUrl);
    if (sandbox || (url && problemWithHost(url) === null)) return;
    throw new NotConfiguredError(
      `${model} takes images only by public URLs, and this service has none: for uploaded images the operator has to set PUBLIC_BASE_URL to the public address of the service. Nothing was ordered.`,
    );
  }

  async #linkTo(file: ImageFile): Promise<string> {
    const { stored, now } = this.#with;
    const name = linkNameOf(file);
    if (!stored || name === null) throw new UploadStateError(`The image ${file.id} has no link; nothing was ordered.`);
    return stored.links.sign(`images/${name}`, now(), minHoursAfterOrder).url;
  }

  async #dataUriOf({ id, name, contentType }: ImageFile): Promise<string> {
    const { stored, log } = this.#with;
    const bytes = await whereStored(log, async () => {
      const body = name === null ? null : await stored?.files.open(name);
      return body ? buffer(body) : null;
    });
    if (bytes) return `data:${contentType};base64,${bytes.toString('base64')}`;
    log.error({ id, name }, 'the file store has lost an image');
    throw new UploadStateError(`The image ${id} is not in the file store any more; nothing was ordered.`);
  }
}

/** What is stored with a task of an image that is kept. */
function factsOf(
  { id, contentType: mimeType, sizeBytes, sha256 }: ImageFile,
  kind?: KeptImage['kind'],
): ReferenceImage {
  const facts = { mimeType, sizeBytes, sha256: sha256 ?? '' };
  return kind === 'KEPT_INLINE' ? { kind: 'INLINE', ...facts } : { kind: 'UPLOAD', uploadId: id, ...facts };
}

/** The bytes of an image in a data URI, a part at a time. */
async function* bytesIn(dataUri: string): AsyncGenerator<Uint8Array> {
  for (let at = dataUri.indexOf(',') + 1; at < dataUri.length; at += base64Step)
    yield Buffer.from(dataUri.slice(at, at + base64Step), 'base64');
}
