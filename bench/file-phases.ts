import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownSeconds } from './cpu.ts';
import type { Seed } from './database.ts';
import type { LoopDelay } from './inspector.ts';
import { run } from './processes.ts';
import { isAnswer, requestOf } from './requests.ts';
import { partOf } from './statistics.ts';

/** Reads of tasks beside the files, a second. */
const readsPerSecond = 100;

export interface Phase {
  readonly what: string;
  readonly seconds: number;
  /** Of the service, at its beginning and at most. */
  readonly megabytes: { readonly first: number; readonly most: number };
  readonly reads: { readonly p50Ms: number; readonly p99Ms: number };
  /** How late the bench itself was to send a read: what the figures of reads are worth. */
  readonly benchLate: { readonly p99Ms: number };
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  /** Of one processor. */
  readonly cpu: number;
  /** Bytes served, and stored, in megabytes a second. */
  readonly served: number;
  readonly stored: number;
}

export interface Service {
  readonly process: ChildProcess;
  readonly url: string;
  readonly seed: Seed;
  readonly loop: LoopDelay;
}

async function ask<Data>({ url, seed: { token } }: Service, query: string, variables: object = {}): Promise<Data> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
  });
  return ((await response.json()) as { data: Data }).data;
}

/** Orders so many videos and returns their tasks' ids. */
async function order(service: Service, videos: number): Promise<string[]> {
  const document = 'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { task { id } } }';
  const input = { grokVideo3: { prompt: 'A paper boat' } };
  const ids: string[] = [];
  for (let count = 0; count < videos; count++) {
    const { submitVideo } = await ask<{ submitVideo: { task: { id: string } } }>(service, document, { input });
    ids.push(submitVideo.task.id);
  }
  return ids;
}

/** The links of the videos, once all of them are stored. */
async function linksOf(service: Service, ids: readonly string[]): Promise<string[]> {
  const document = 'query ($id: ID!) { videoTask(id: $id) { video { url storage { state message } } } }';
  const links: string[] = [];
  for (const id of ids) {
    for (;;) {
      const { videoTask } = await ask<{ videoTask: { video: { url: string } | null } }>(service, document, { id });
      if (videoTask.video?.url.startsWith(service.url)) {
        links.push(videoTask.video.url);
        break;
      }
      await sleep(200);
    }
  }
  return links;
}

/** Orders so many videos, and returns their links once all of them are stored. */
export const storeVideos = async (service: Service, videos: number): Promise<string[]> =>
  linksOf(service, await order(service, videos));

interface Read {
  readonly lateMs: number;
  readonly tookMs: number;
}

/** Reads tasks at a steady rate until the signal, each when its time has come, however late the others are. */
async function probe({ url, seed }: Service, stopped: AbortSignal): Promise<Read[]> {
  const reads: Promise<Read>[] = [];
  const began = performance.now();
  for (let count = 0; !stopped.aborted; count++) {
    const at = began + (count * 1_000) / readsPerSecond;
    await sleep(Math.max(0, at - performance.now()));
    const { path, ...request } = requestOf('read', 'graphql', seed);
    const sent = performance.now();
    reads.push(
      fetch(new URL(path, url), request).then(async (response) => {
        if (!isAnswer('read', await response.text())) throw new Error('A read was not answered.');
        return { lateMs: sent - at, tookMs: performance.now() - sent };
      }),
    );
  }
  return Promise.all(reads);
}

const pageBytes = 4_096;

/** Without a process of its own, which would hold up the reads that are measured. */
const residentMegabytes = ({ pid }: ChildProcess): number =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes) / 1e6;

/** Does something, and measures the service meanwhile. */
export async function measure(
  what: string,
  service: Service,
  work: () => Promise<{ served?: number; stored?: number }>,
): Promise<Phase> {
  const stopped = new AbortController();
  const first = residentMegabytes(service.process);
  const memory = [first];
  const sampling = setInterval(() => memory.push(residentMegabytes(service.process)), 250);
  const [began, cpuBefore] = [performance.now(), ownSeconds(service.process.pid ?? 0)];
  await service.loop.reset();
  const probing = probe(service, stopped.signal);
  const { served = 0, stored = 0 } = await work();
  const took = (performance.now() - began) / 1_000;
  const loopDelay = await service.loop.read();
  const cpu = (ownSeconds(service.process.pid ?? 0) - cpuBefore) / took;
  stopped.abort();
  const reads = await probing;
  const times = reads.map(({ tookMs }) => tookMs);
  clearInterval(sampling);
  return {
    ...{ what, seconds: took, loopDelay, cpu, served: served / 1e6 / took, stored: stored / 1e6 / took },
    megabytes: { first, most: Math.max(...memory) },
    reads: { p50Ms: partOf(times, 0.5), p99Ms: partOf(times, 0.99) },
    benchLate: {
      p99Ms: partOf(
        reads.map(({ lateMs }) => lateMs),
        0.99,
      ),
    },
  };
}

/** Readers that read until `work` has ended. Returns how many bytes they read. */
export async function whileRead(
  links: readonly string[],
  readers: number,
  bytesPerSecond: number | null,
  work: () => Promise<void>,
): Promise<number> {
  const child = run(join(import.meta.dirname, 'file-readers.ts'), [], { core: 1 });
  if (!child.stdout) throw new Error('The readers have no output.');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  child.stdin?.end(JSON.stringify({ links, readers, bytesPerSecond }));
  await Promise.race([lines.next(), once(child, 'exit')]);
  await work();
  child.kill('SIGTERM');
  const { value } = await lines.next();
  return Number(value);
}
