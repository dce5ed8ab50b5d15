import type { ByteRange } from '../byte-range.ts';
import { TaskStateError } from '../errors.ts';
import type { FileStore } from '../files/file-store.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import type { ByteRate } from './byte-rate.ts';
import { type FileLinks, readLink } from './file-links.ts';
import type { ImageFileStore } from './image-file.ts';
import { linkNameOf } from './image-types.ts';
import { resultOf, type VideoResult } from './result-of-task.ts';
import type { VideoFile, VideoFileStore } from './video-file.ts';
import type { VideoStoring } from './video-storing.ts';

/** A file that a link leads to. */
export interface LinkedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string;
  /** The name under which a browser saves it. */
  readonly fileName: string;
  /** When the link ends. */
  readonly expiresAt: Date;
  /** The bytes of a range, in parts as `FileStore.parts` gives them; null where the store has lost the file. */
  parts(range: ByteRange): Promise<AsyncGenerator<Uint8Array> | null>;
  /** A URL from which the store itself serves the file; null where this service has to. */
  storeUrl(): Promise<string | null>;
}

type FoundFile = Omit<LinkedFile, 'expiresAt'>;

/** What is kept where files are stored at all. */
export interface Stored {
  readonly files: FileStore;
  readonly links: FileLinks;
  readonly storing: Pick<VideoStoring, 'finish'>;
}

export interface MediaDependencies {
  readonly rows: Pick<VideoFileStore, 'find' | 'update' | 'storedBytes'>;
  readonly images: Pick<ImageFileStore, 'find'>;
  /** Null where nothing is stored. */
  readonly stored: Stored | null;
  readonly holdsKey: (text: string) => boolean;
  /** How fast files are sent to their readers, all together. */
  readonly sendRate: ByteRate;
  readonly now: () => Date;
}

/** A link of the store itself is the same for an hour, and valid for six more. */
const storeLink = (now: Date) => ({
  signedAt: new Date(Math.floor(now.getTime() / hourMs) * hourMs),
  expiresInSeconds: 7 * 60 * 60,
});

/** The files that the service keeps: the results of tasks, and what the links to them and to images lead to. */
export class Media {
  readonly sendRate: ByteRate;
  readonly #with: MediaDependencies;

  constructor(dependencies: MediaDependencies) {
    this.#with = dependencies;
    this.sendRate = dependencies.sendRate;
  }

  /** The video of a completed task; null for a task in another state. */
  resultOf(task: VideoTask): VideoResult | null {
    const { stored, holdsKey, now } = this.#with;
    const at = now();
    const linkTo = (taskId: string) => stored?.links.sign(pathOf(taskId), at) ?? null;
    return resultOf(task, at, { holdsKey, linkTo });
  }

  /** What is known of storing a task's video; null where it was never to be stored. Throws DatabaseUnavailableError. */
  storageOf(taskId: string): Promise<VideoFile | null> {
    return this.#with.rows.find(taskId);
  }

  /** How many bytes are stored for a client. Throws DatabaseUnavailableError. */
  storedBytes(client: string): Promise<number> {
    return this.#with.rows.storedBytes(client);
  }

  /**
   * Deletes the stored video of a task, or calls off its storing. The task as it is afterwards.
   *
   * @throws TaskNotFoundError when there is no such task or the viewer may not see it.
   * @throws TaskStateError when nothing is stored or to be stored for it.
   * @throws DatabaseUnavailableError
   */
  async deleteVideo(reader: TaskReader, taskId: string): Promise<VideoTask> {
    const { rows, stored, now } = this.#with;
    const { id } = await reader.findExisting(taskId);
    for (;;) {
      const file = await rows.find(id);
      if (!stored || !file || file.state === 'FAILED') throw new TaskStateError(`The task ${id} has no stored video.`);
      if (file.state === 'DELETED') break;
      const deleted = await rows.update(file, { state: 'DELETED', dueAt: now() });
      if (!deleted) continue;
      await stored.storing.finish(deleted);
      break;
    }
    return reader.findExisting(id);
  }

  /**
   * The file that a link leads to. Null where the link is not valid; `GONE` where its file was deleted. Throws
   * DatabaseUnavailableError.
   */
  async findLinked(url: string): Promise<LinkedFile | 'GONE' | null> {
    const { stored, now } = this.#with;
    const link = readLink(url);
    const expiresAt = link && stored ? stored.links.verify(link, now()) : null;
    if (!link || !stored || !expiresAt) return null;
    const [kind, fileName = ''] = link.path.split('/');
    const found = await (kind === 'images' ? this.#image(stored.files, fileName) : this.#video(stored.files, fileName));
    return found ? { ...found, expiresAt } : 'GONE';
  }

  async #video(files: FileStore, fileName: string): Promise<FoundFile | null> {
    const { rows, now } = this.#with;
    const file = await rows.find(fileName.replace(/\.mp4$/, ''));
    if (file?.state !== 'STORED' || file.name === null || file.sizeBytes === null) return null;
    const { name, sizeBytes, sha256 } = file;
    const contentType = file.contentType ?? 'video/mp4';
    return {
      ...{ sizeBytes, sha256: sha256 ?? '', contentType, fileName },
      parts: (range) => files.parts(name, range),
      storeUrl: () => files.signedUrl(name, { ...storeLink(now()), contentType, fileName }),
    };
  }

  /** An uploaded image, which this service itself serves: the upstream follows no redirect. */
  async #image(files: FileStore, fileName: string): Promise<FoundFile | null> {
    const file = await this.#with.images.find(fileName.replace(/\.[^.]+$/, ''));
    if (file?.state !== 'READY' || file.name === null || linkNameOf(file) !== fileName) return null;
    const { name, sizeBytes, sha256, contentType } = file;
    return {
      ...{ sizeBytes, sha256: sha256 ?? '', contentType, fileName },
      parts: (range) => files.parts(name, range),
      storeUrl: async () => null,
    };
  }
}

/** The path of a task's video in links. */
const pathOf = (taskId: string): string => `videos/${taskId}.mp4`;
