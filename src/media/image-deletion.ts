import type { Logger } from 'pino';
import type { FileStore } from '../files/file-store.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import { later } from '../tasks/moment.ts';
import { ClaimLoop } from '../work/claim-loop.ts';
import type { ImageFile, ImageFileStore } from './image-file.ts';

export interface ImageDeletionDependencies {
  readonly rows: Pick<ImageFileStore, 'claimDue' | 'update' | 'remove'>;
  readonly files: Pick<FileStore, 'delete'>;
  readonly now: () => Date;
  readonly log: Logger;
}

const leaseMs = 60_000;

/** How long the row of a deleted image stays, so that its owner reads what became of it. */
const rowMs = 30 * 24 * hourMs;

const concurrency = 2;

/**
 * Deletes images whose time to be kept is over, and uploads whose images never came. After a crash the rows are due
 * again, and each step is harmless when it is done twice.
 */
export class ImageDeletion {
  readonly #with: ImageDeletionDependencies;
  readonly #loop: ClaimLoop<ImageFile>;

  constructor(dependencies: ImageDeletionDependencies, pollMs: number) {
    const { rows, now, log } = dependencies;
    this.#with = dependencies;
    const work = {
      claim: (limit: number) => rows.claimDue(now(), later(now(), leaseMs), limit),
      work: (file: ImageFile) => this.#work(file),
      onFailed: ({ id }: ImageFile, err: unknown) => log.error({ id, err }, 'an image could not be deleted'),
      onClaimFailed: (err: unknown) => log.error({ err }, 'images to be deleted could not be claimed'),
    };
    this.#loop = new ClaimLoop(work, { concurrency, pollMs });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #work(claimed: ImageFile): Promise<void> {
    const { rows, files, now } = this.#with;
    if (claimed.state === 'DELETED' && claimed.name === null) return rows.remove(claimed);
    // The row first, so that no order uses an image whose bytes are going.
    const file = claimed.state === 'DELETED' ? claimed : await rows.update(claimed, { state: 'DELETED' });
    if (!file) return;
    if (file.name !== null) await files.delete(file.name);
    await rows.update(file, { name: null, dueAt: later(now(), rowMs), leasedUntil: null });
  }
}
