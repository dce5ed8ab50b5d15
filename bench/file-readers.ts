/**
 * Reads files by their links, again and again, as fast as they come or at so many bytes a second each, until it is
 * stopped. It gets `{ links, readers, bytesPerSecond }`, prints a line when all have begun, and at the end how many bytes came.
 */
import { get } from 'node:http';
import { getPriority, setPriority } from 'node:os';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

// What measures shares the processor with this, and comes first.
setPriority(getPriority() + 10);

interface Task {
  readonly links: readonly string[];
  readonly readers: number;
  /** Of each reader; null for as fast as possible. */
  readonly bytesPerSecond: number | null;
}

const { links, readers, bytesPerSecond } = (await json(process.stdin)) as Task;
let begun = 0;
let bytes = 0;

/** Reads a file to its end. A pause is a full socket for the sender, as with a reader on a slow line. */
async function read(link: string, onBegin: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  get(link, { agent: false }, async (response) => {
    if (response.statusCode !== 200) return reject(new Error(`A link was answered with ${response.statusCode}.`));
    onBegin();
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytesPerSecond !== null) await sleep((part.length / bytesPerSecond) * 1_000);
    }
    resolve();
  }).on('error', reject);
  return promise;
}

async function work(index: number): Promise<void> {
  let first = true;
  const onBegin = () => {
    if (!first) return;
    first = false;
    begun += 1;
    if (begun === readers) console.log('begun');
  };
  for (let turn = index; ; turn++) await read(links[turn % links.length] ?? '', onBegin);
}

process.once('SIGTERM', () => {
  console.log(String(bytes));
  process.exit(0);
});
await Promise.all(Array.from({ length: readers }, (_, index) => work(index)));
