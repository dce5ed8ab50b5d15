import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The field that marks a line as important: such a line names the upstream id of a paid task, which may not be in the
 * database yet.
 */
const keptField = '"upstreamId":"';

/**
 * How many bytes of lines may wait in memory while the reader of the log is not reading, for important lines and for
 * all others. The larger bound has room for about 80,000 paid orders.
 */
const maxWaitingBytes = { kept: 16 * 1024 * 1024, other: 256 * 1024 };

/** The pause between two attempts to write while lines wait. */
const retryMs = 20;

/** How long `flush` waits for an output that takes nothing. */
const maxStallMs = 1_000;

interface Settings {
  readonly fd: number;
  /** Turns a log line into the text that is written. */
  readonly format: (line: string) => string;
  /** Called with the number of lost lines, as soon as there is room for new ones. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Writes log lines without ever blocking the process. A line is written at once if the output takes it. What a full
 * pipe, a frozen terminal or a full disk does not take waits in memory, in order, up to a bound for each kind of line.
 */
export class LogOutput {
  readonly #settings: Settings;
  /** The bytes that are being written, and the lines that follow them. */
  #head: Uint8Array = new Uint8Array();
  #tail: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #lastTakenAt = 0;
  #emptied = Promise.withResolvers<void>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  write(line: string): void {
    const bytes = Buffer.from(this.#settings.format(line));
    const written = this.#waitingBytes === 0 ? this.#tryToWrite(bytes) : 0;
    if (written === bytes.length) return;
    const max = line.includes(keptField) ? maxWaitingBytes.kept : maxWaitingBytes.other;
    // The rest of a line of which a part was written must follow, or the log would hold half a line.
    if (written > 0 || this.#waitingBytes + bytes.length <= max) this.#keep(bytes.subarray(written));
    else this.#dropped += 1;
  }

  /** Calls back when everything is written, or when the output has taken nothing for a second. */
  flush(done: () => void): void {
    const leftMs = this.#lastTakenAt + maxStallMs - performance.now();
    if (this.#waitingBytes === 0 || leftMs <= 0) {
      done();
      return;
    }
    const timer = setTimeout(done, leftMs);
    void this.#emptied.promise.then(() => {
      clearTimeout(timer);
      done();
    });
  }

  /** Resolves when everything is written, or after `ms`. */
  async end(ms: number): Promise<void> {
    const endsAt = performance.now() + ms;
    while (this.#waitingBytes > 0 && performance.now() < endsAt) await sleep(retryMs);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#waitingBytes === 0) {
      this.#lastTakenAt = performance.now();
      this.#emptied = Promise.withResolvers();
      this.#retryLater();
    }
    this.#tail.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #retryLater(): void {
    setTimeout(() => this.#writeWaiting(), retryMs).unref();
  }

  #writeWaiting(): void {
    for (let written = 1; written > 0 && this.#waitingBytes > 0; ) {
      if (this.#head.length === 0) {
        this.#head = Buffer.concat(this.#tail);
        this.#tail = [];
      }
      written = this.#tryToWrite(this.#head);
      this.#head = this.#head.subarray(written);
      this.#waitingBytes -= written;
      if (written > 0) this.#lastTakenAt = performance.now();
    }
    if (this.#waitingBytes > 0) this.#retryLater();
    else this.#emptied.resolve();
    if (this.#waitingBytes < maxWaitingBytes.other / 2) this.#sayWhatWasDropped();
  }

  #sayWhatWasDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    if (lines > 0) this.#settings.onDropped(lines);
  }

  /** Returns how many bytes the output took: 0 for a full pipe, a pipe without a reader, or a full disk. */
  #tryToWrite(bytes: Uint8Array): number {
    try {
      return writeSync(this.#settings.fd, bytes);
    } catch {
      return 0;
    }
  }
}

/**
 * Makes writes to a standard stream non-blocking. Node does this for pipes itself as soon as the stream is created; a
 * terminal has to be told.
 */
export function neverWaitFor(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(false);
}
