import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { FileStore, IncomingFile } from '../files/file-store.ts';
import { FileTooLargeError } from '../files/storage-error.ts';
import { OutboundError } from '../outbound/outbound-error.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import { later } from '../tasks/moment.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { TaskChange, VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { afterStoring } from '../tasks/transitions.ts';
import { ClaimLoop } from '../work/claim-loop.ts';
import { vendorLinkEndOf } from './result-of-task.ts';
import { DownloadError, type DownloadSettings, download } from './video-download.ts';
import type { VideoFile, VideoFileChange, VideoFileStore } from './video-file.ts';
import { Lease, leaseMs } from './video-lease.ts';
import { videoTypeOf } from './video-type.ts';

export interface VideoStoringSettings {
  /** How many videos are downloaded at the same time. */
  readonly concurrency: number;
  readonly pollMs: number;
  /** How many days a video is kept after it was stored; null for good. */
  readonly retentionDays: number | null;
  /** How many bytes are stored for one client; null for no limit. */
  readonly maxClientBytes: number | null;
}

export interface VideoStoringDependencies {
  readonly rows: VideoFileStore;
  readonly files: FileStore;
  readonly tasks: Pick<TaskStore, 'find'>;
  readonly record: RecordChange;
  readonly download: DownloadSettings;
  /** Whether a text contains the upstream's key, which no other host may see. */
  readonly holdsKey: (text: string) => boolean;
  readonly now: () => Date;
  readonly log: Logger;
}

const minuteMs = 60_000;
const dayMs = 24 * hourMs;

/** The pauses after the first failed attempts; all later ones are as long as the last. */
const retryPausesMs = [0.5, 2, 10, 60, 180].map((minutes) => minutes * minuteMs);

/** How long storing waits where the store takes nothing, as for want of space. Such a pause is not an attempt. */
const storeProblemPauseMs = minuteMs;

/** How often tasks that were never handed over are looked for. */
const adoptionMs = hourMs;

/** How many tasks are handed over with one claim. */
const maxEntered = 100;

/** The errors that are about the video or its host. All others are about the store or the database. */
const videoErrors = [DownloadError, OutboundError, FileTooLargeError];

const tooLate = 'The link expired before the video was downloaded.';

/**
 * Stores the videos of completed tasks: claims their rows, downloads each video, and records how it ended. A crash leaves
 * a row that is due, so the work is done again; each step of it is harmless when it is done twice. Nothing is ordered
 * here, however storing ends.
 */
export class VideoStoring {
  readonly #with: VideoStoringDependencies;
  readonly #settings: VideoStoringSettings;
  readonly #loop: ClaimLoop<VideoFile>;
  readonly #stopped = new AbortController();
  #nextAdoptionMs = 0;

  constructor(dependencies: VideoStoringDependencies, settings: VideoStoringSettings) {
    const { log } = dependencies;
    this.#with = dependencies;
    this.#settings = settings;
    const work = {
      claim: (limit: number) => this.#claim(limit),
      work: (file: VideoFile) => this.#work(file),
      onFailed: ({ taskId }: VideoFile, err: unknown) => log.error({ taskId, err }, 'storing could not be recorded'),
      onClaimFailed: (err: unknown) => log.error({ err }, 'videos to be stored could not be claimed'),
    };
    this.#loop = new ClaimLoop(work, settings);
  }

  start(): void {
    this.#loop.start();
  }

  /** Breaks the downloads under way off, and resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
  }

  /** Does now what follows from a row that was changed to DELETED. */
  finish(file: VideoFile): Promise<void> {
    return this.#settle(file);
  }

  async #claim(limit: number): Promise<readonly VideoFile[]> {
    const { rows, now } = this.#with;
    const at = now();
    if (at.getTime() >= this.#nextAdoptionMs) {
      await rows.adopt(at);
      this.#nextAdoptionMs = at.getTime() + adoptionMs;
    }
    await rows.enterDue(at, maxEntered);
    return rows.claimDue(at, later(at, leaseMs), limit);
  }

  async #work(claimed: VideoFile): Promise<void> {
    const file = claimed.state === 'PENDING' ? await this.#store(claimed) : claimed;
    if (file && file.state !== 'PENDING') await this.#settle(file);
  }

  /** What follows from the state of a row: it is recorded with the task, and a file whose time is over is deleted. */
  async #settle(file: VideoFile): Promise<void> {
    const { rows, files, now } = this.#with;
    if (file.state === 'STORED' && file.deleteAt && now() >= file.deleteAt) {
      // The task first, so that no reader is given a link that has stopped working.
      await this.#tell({ ...file, state: 'DELETED' });
      const deleted = await rows.update(file, { state: 'DELETED', dueAt: now() });
      return deleted ? this.#settle(deleted) : undefined;
    }
    await this.#tell(file);
    if (file.state !== 'DELETED') {
      await rows.update(file, { dueAt: file.state === 'STORED' ? file.deleteAt : null, leasedUntil: null });
      return;
    }
    if (file.name !== null) await files.delete(file.name);
    await rows.update(file, { name: null, dueAt: null, leasedUntil: null });
  }

  /** Records with the task how storing has ended, so that its readers see it. */
  async #tell({ taskId, state }: VideoFile): Promise<void> {
    const { tasks, record, now } = this.#with;
    for (let task = await tasks.find(taskId); task; task = await tasks.find(taskId)) {
      const change = changeOf(task, state, now());
      if (!change || (await record(task, change))) return;
    }
  }

  /** Downloads a video. Returns the row as it is afterwards; null where another process has taken it over. */
  async #store(claimed: VideoFile): Promise<VideoFile | null> {
    const { rows, files, tasks, log, now } = this.#with;
    const task = await tasks.find(claimed.taskId);
    if (!task) return null;
    const lease = new Lease(claimed, rows, now, this.#stopped.signal);
    try {
      const stored = await this.#download(claimed, task, lease.ended);
      const saved = await lease.end(stored);
      if (!saved && stored.name) await files.delete(stored.name);
      return saved;
    } catch (error) {
      // The download was broken off here, so it says nothing about the video: the next process begins anew.
      if (lease.ended.aborted) return lease.end({ dueAt: now(), leasedUntil: null });
      const change = this.#afterFailure(claimed, task, error);
      log.warn({ taskId: task.id, state: change.state, err: error }, 'video not stored');
      return lease.end(change);
    }
  }

  async #download({ message }: VideoFile, task: VideoTask, signal: AbortSignal): Promise<VideoFileChange> {
    const { files, now, download: settings } = this.#with;
    const problem = await files.problem();
    if (problem !== null) throw new Error(problem);
    const refusal = now() >= vendorLinkEndOf(task) ? (message ?? tooLate) : await this.#refusal(task);
    if (refusal !== null) throw new DownloadError(refusal);
    const { maxBytes } = settings;
    await using incoming = await files.receive(download(task.videoUrl ?? '', settings, signal), { maxBytes, signal });
    return await this.#keep(incoming, task);
  }

  /** Why a video is not downloaded at all at present; null where it is. */
  async #refusal({ client, videoUrl }: VideoTask): Promise<string | null> {
    const { rows, holdsKey } = this.#with;
    const { maxClientBytes } = this.#settings;
    if (videoUrl === null) return 'The task has no link.';
    if (holdsKey(videoUrl)) return "The link contains the key of the upstream's account, which no other host may see.";
    if (maxClientBytes === null || (await rows.storedBytes(client)) < maxClientBytes) return null;
    return `The stored files of ${client} have reached their limit of ${maxClientBytes} bytes: delete some of them.`;
  }

  async #keep(incoming: IncomingFile, { id }: VideoTask): Promise<VideoFileChange> {
    const { retentionDays } = this.#settings;
    const contentType = videoTypeOf(incoming.head);
    if (contentType === null) throw new DownloadError('The link leads to something that is not an MP4 video.');
    const name = `videos/${id}/${randomUUID()}`;
    await incoming.keep(name, contentType);
    const { sizeBytes, sha256 } = incoming;
    const storedAt = this.#with.now();
    const deleteAt = retentionDays === null ? null : later(storedAt, retentionDays * dayMs);
    const facts = { name, sizeBytes, sha256, contentType, storedAt, deleteAt };
    return { state: 'STORED', message: null, dueAt: storedAt, ...facts };
  }

  /** The change after a failed attempt: the next one, as long as the link lives. */
  #afterFailure({ attempts }: VideoFile, task: VideoTask, error: unknown): VideoFileChange {
    const now = this.#with.now();
    const isOfVideo = videoErrors.some((type) => error instanceof type);
    // The store's own words are for the operator, and stand in the log.
    const message =
      isOfVideo && error instanceof Error ? error.message : 'The file store takes no files at the moment.';
    const pauseMs = isOfVideo ? (retryPausesMs[attempts] ?? retryPausesMs.at(-1) ?? 0) : storeProblemPauseMs;
    const counted = { message, attempts: isOfVideo ? attempts + 1 : attempts };
    const dueAt = later(now, pauseMs);
    if (dueAt >= vendorLinkEndOf(task)) return { state: 'FAILED', ...counted, dueAt: now };
    return { ...counted, dueAt, leasedUntil: null };
  }
}

/** The change by which a task shows what became of storing; null where it shows that already. */
function changeOf(task: VideoTask, state: VideoFile['state'], now: Date): TaskChange | null {
  if (state === 'DELETED') return task.storage === 'DELETED' ? null : { storage: 'DELETED' };
  return state === 'PENDING' ? null : afterStoring(task, state, now);
}
