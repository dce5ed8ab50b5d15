import type { VideoFile, VideoFileChange, VideoFileStore } from './video-file.ts';

/** How long a claim lasts. It is renewed while its work goes on. */
export const leaseMs = 60_000;

const renewalMs = 20_000;

/** The lease of a claimed row, which is renewed until it ends: a download may take longer than any sensible lease. */
export class Lease {
  /** Aborts when another process has taken the row over, and when this one stops. */
  readonly ended: AbortSignal;
  readonly #lost = new AbortController();
  readonly #rows: Pick<VideoFileStore, 'update'>;
  readonly #timer: NodeJS.Timeout;
  #file: VideoFile;
  #renewing: Promise<void> = Promise.resolve();

  constructor(file: VideoFile, rows: Pick<VideoFileStore, 'update'>, now: () => Date, stopped: AbortSignal) {
    this.#file = file;
    this.#rows = rows;
    this.ended = AbortSignal.any([stopped, this.#lost.signal]);
    this.#timer = setInterval(() => {
      this.#renewing = this.#renew(new Date(now().getTime() + leaseMs));
    }, renewalMs);
  }

  /** Makes the last change under the lease; null where another process has taken the row over. */
  async end(change: VideoFileChange): Promise<VideoFile | null> {
    clearInterval(this.#timer);
    await this.#renewing;
    return this.#rows.update(this.#file, change);
  }

  async #renew(leasedUntil: Date): Promise<void> {
    // A database that does not answer ends no lease: the next renewal, or the last change, tells whether it is held.
    const renewed = await this.#rows.update(this.#file, { leasedUntil }).catch(() => this.#file);
    if (renewed) this.#file = renewed;
    else this.#lost.abort();
  }
}
