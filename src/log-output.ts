import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The field by which a line says what a row must come to hold: the id of a paid task. */
const keptField = '"upstreamId":"';

/**
 * How many bytes may wait for a reader that stands still, with a line of either kind. The greater one has room for about
 * 80,000 paid orders.
 */
const maxWaitingBytes = { kept: 16 * 1024 * 1024, other: 256 * 1024 };

/** How often the output is tried again while lines wait. */
const retryMs = 20;

/** How long a line is waited for after the output has last taken anything. */
const patienceMs = 1_000;

interface Settings {
  readonly fd: number;
  /** How a line is written. */
  readonly format: (line: string) => string;
  /** Hears how many lines were lost, as soon as there is room for others. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Where log lines go. A line is written at once, and the process never waits for its reader: what a full pipe, a frozen
 * terminal or a full disk does not take waits in memory, in order, up to a bound for each kind of line.
 */
export class LogOutput {
  readonly #settings: Settings;
  /** What is being written, and the lines that come after it. */
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
    // Of a line that has begun, the rest must follow.
    if (written > 0 || this.#waitingBytes + bytes.length <= max) this.#keep(bytes.subarray(written));
    else this.#dropped += 1;
  }

  /** Calls back when everything is written, or when the output has taken nothing for a second. */
  flush(done: () => void): void {
    const leftMs = this.#lastTakenAt + patienceMs - performance.now();
    if (this.#waitingBytes === 0 || leftMs <= 0) {
      done();
      return;
    }
    const patience = setTimeout(done, leftMs);
    void this.#emptied.promise.then(() => {
      clearTimeout(patience);
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

  /** How many bytes were taken: none by a full pipe, a pipe without a reader, or a full disk. */
  #tryToWrite(bytes: Uint8Array): number {
    try {
      return writeSync(this.#settings.fd, bytes);
    } catch {
      return 0;
    }
  }
}

/**
 * Makes a stream of the process one that no write waits for. Node does so with a pipe as soon as its stream is made; a
 * terminal has to be told.
 */
export function neverWaitFor(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(false);
}
