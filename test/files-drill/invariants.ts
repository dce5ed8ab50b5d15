import { readdirSync } from 'node:fs';
import type { ListedFile } from '../../src/files/file-store.ts';
import { openFileStore } from '../../src/files/open-file-store.ts';
import { sha256Of } from '../support/video-host.ts';
import type { Place } from './place.ts';
import type { FileRecord, TaskRecord } from './records.ts';
import { indexIn, linkSecret, type Vendor, wayNameOf } from './vendor.ts';
import { type Way, ways } from './ways.ts';

export interface Ended {
  readonly tasks: readonly TaskRecord[];
  readonly files: readonly FileRecord[];
  /** What is in the store. */
  readonly kept: readonly ListedFile[];
  readonly log: readonly string[];
  readonly vendor: Vendor;
}

/** Everything in the store, with what is left in its temporary folder. */
export async function contentOf({
  storage,
  temporaryFolder,
}: Place): Promise<{ kept: ListedFile[]; temporary: number }> {
  const store = await openFileStore(storage, null);
  const kept: ListedFile[] = [];
  for await (const file of store.list('')) kept.push(file);
  const folder = storage.kind === 'disk' ? `${storage.folder}/.incoming` : temporaryFolder;
  const temporary = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return { kept, temporary: temporary.length };
}

/** What has no row: a process was killed between the last byte and the row. A sweep of the store removes it. */
export const orphansIn = ({ files, kept }: Pick<Ended, 'files' | 'kept'>): ListedFile[] => {
  const named = new Set(files.map(({ name }) => name));
  return kept.filter(({ name }) => !named.has(name));
};

/** Everything that must hold in the end; each returned sentence is a broken invariant. */
export function brokenInvariants(ended: Ended, orders: number): string[] {
  const byTask = new Map(ended.files.map((file) => [file.taskId, file]));
  return [
    ...(ended.tasks.length === orders ? [] : [`${ended.tasks.length} tasks came of ${orders} orders`]),
    ...ended.tasks.flatMap((task) => wrongEnd(task, byTask.get(task.id), ended.vendor)),
    ...wrongFiles(ended),
    ...sentTwice(ended.vendor.submits),
    ...ended.vendor.trapped.map((request) => `127.0.0.1 was called: ${request}`),
    ...ended.log.filter((line) => line.includes(linkSecret)).map((line) => `the log shows a vendor's link: ${line}`),
    ...ended.log.filter((line) => !line.startsWith('{') || /"level":[56]0/.test(line)).map((line) => `logged: ${line}`),
  ];
}

/** Each task is stored whole, or has failed for what its host did. */
function wrongEnd(task: TaskRecord, file: FileRecord | undefined, vendor: Vendor): string[] {
  const index = indexIn(task.prompt);
  const way: Way = ways[wayNameOf(index)];
  const told = `${task.id}, of which the host's way is "${wayNameOf(index)}",`;
  if (task.status !== 'COMPLETED' || !file) return [`${told} is ${task.status}, and its file ${file?.state}`];
  const video = vendor.videoOf(index);
  const ends = task.history.filter(({ cause }) => cause === 'STORE').length;
  const wanted = way.reason ? 'FAILED' : 'STORED';
  const wrong = [
    ...(file.state === wanted && task.storage === wanted ? [] : [`is ${file.state} and ${task.storage}`]),
    ...(ends === 1 ? [] : [`has ${ends} entries of its history about storing`]),
    ...(file.leasedUntil === null && file.dueAt === null ? [] : ['is not at rest']),
  ];
  if (way.reason && !way.reason.test(file.message ?? '')) wrong.push(`has failed because: ${file.message}`);
  if (!way.reason && (file.sha256 !== sha256Of(video) || file.sizeBytes !== video.length))
    wrong.push(`is stored with ${file.sizeBytes} other bytes, of ${video.length}`);
  return wrong.map((sentence) => `${told} ${sentence} (after ${file.attempts} attempts: ${file.message})`);
}

/** Each row has its file, of the right size. */
function wrongFiles({ files, kept }: Ended): string[] {
  const sizes = new Map(kept.map(({ name, sizeBytes }) => [name, sizeBytes]));
  return files.flatMap(({ taskId, state, name, sizeBytes }) => {
    if (state !== 'STORED') return name === null ? [] : [`${taskId} is ${state} and has a file`];
    const size = sizes.get(name ?? '');
    return size === sizeBytes ? [] : [`the file of ${taskId} has ${size} bytes of ${sizeBytes}`];
  });
}

const sentTwice = (submits: readonly string[]): string[] =>
  [...Map.groupBy(submits, (prompt) => prompt)]
    .filter(([, sent]) => sent.length > 1)
    .map(([prompt, sent]) => `${prompt} was ordered ${sent.length} times`);
