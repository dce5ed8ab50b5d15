import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance } from '../faults/service.ts';
import { sha256Of } from '../support/video-host.ts';
import type { Vendor } from './vendor.ts';

const document = /* GraphQL */ `query ($id: ID!) {
  videoTask(id: $id) { video { url storage { state sha256 sizeBytes } } }
}`;

/** So that the readers leave the machine to the service. */
const pauseMs = 10;

interface Video {
  readonly url: string | null;
  readonly storage: {
    readonly state: string;
    readonly sha256: string | null;
    readonly sizeBytes: number | null;
  } | null;
}

/** Follows the links of stored videos, as a caller does, and notes each answer that is not the whole video. */
export class Reader {
  readonly problems: string[] = [];
  /** How many files were read as a whole, and in part. */
  readonly read = { whole: 0, part: 0 };
  readonly #vendor: Vendor;
  /** The paths of links, by the number of the order. Those of earlier processes stay valid. */
  readonly #paths = new Map<number, string>();

  constructor(vendor: Vendor) {
    this.#vendor = vendor;
  }

  /** Reads one after the other, at the instance that runs, until the signal. */
  async loop(ids: readonly string[], instance: () => Instance | undefined, stopped: AbortSignal): Promise<void> {
    for (let turn = 0; !stopped.aborted; turn++) {
      await sleep(pauseMs);
      const running = instance();
      const index = (turn * 7) % ids.length;
      const id = ids[index];
      if (!running?.alive || id === undefined) continue;
      await this.readOne(running, index, id, turn % 3 === 2).catch((error: unknown) => {
        if (running.alive && !running.stopping) this.problems.push(`reading ${id} failed: ${error}`);
      });
    }
  }

  /** Reads a video by its link, as a whole or in part, where it is stored. Rejects where no answer comes. */
  async readOne(instance: Instance, index: number, id: string, inPart = false): Promise<void> {
    const known = this.#paths.get(index) ?? (await this.#pathOf(instance, index, id));
    if (known === null) return;
    this.#paths.set(index, known);
    const video = this.#vendor.videoOf(index);
    const start = inPart ? Math.floor(video.length / 3) : 0;
    const headers = inPart ? { range: `bytes=${start}-` } : {};
    const response = await fetch(new URL(known, instance.url), { headers });
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.read[inPart ? 'part' : 'whole'] += 1;
    const expected = video.subarray(start);
    if (response.status !== (inPart ? 206 : 200)) this.problems.push(`${id} was answered with ${response.status}`);
    else if (sha256Of(bytes) !== sha256Of(expected))
      this.problems.push(`${id} was served with ${bytes.length} other bytes, of ${expected.length}`);
  }

  async #pathOf({ url }: Instance, index: number, id: string): Promise<string | null> {
    const body = JSON.stringify({ query: document, variables: { id } });
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { data } = (await response.json()) as { data: { videoTask: { video: Video | null } } };
    const { video } = data.videoTask;
    if (video?.storage?.state !== 'STORED' || !video.url || video.url.includes(this.#vendor.host)) return null;
    const vendors = this.#vendor.videoOf(index);
    if (video.storage.sha256 !== sha256Of(vendors) || video.storage.sizeBytes !== vendors.length)
      this.problems.push(`${id} says it is stored with other bytes than the vendor's`);
    const path = new URL(video.url).pathname;
    return path.startsWith('/files/') ? path : null;
  }
}
