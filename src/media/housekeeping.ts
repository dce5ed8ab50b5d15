import type { Logger } from 'pino';
import type { FileStore } from '../files/file-store.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import { type FileRows, sweepOrphans } from './orphans.ts';

/** Deletes every hour what crashes have left in the store: files without a row, and parts of files. */
export class Housekeeping {
  readonly #files: FileStore;
  readonly #rows: FileRows;
  readonly #now: () => Date;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(files: FileStore, rows: FileRows, now: () => Date, log: Logger) {
    this.#files = files;
    this.#rows = rows;
    this.#now = now;
    this.#log = log;
  }

  start(): void {
    // Several instances take turns, because each begins its hour at another time.
    this.#timer = setInterval(() => void this.sweep(), hourMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async sweep(): Promise<void> {
    try {
      await this.#files.sweep();
      const deleted = await sweepOrphans(this.#files, this.#rows, this.#now());
      if (deleted > 0) this.#log.info({ deleted }, 'files without a row were deleted');
    } catch (err) {
      this.#log.error({ err }, 'the store could not be swept');
    }
  }
}
