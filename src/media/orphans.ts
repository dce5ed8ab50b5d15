import type { FileStore, ListedFile } from '../files/file-store.ts';
import type { VideoFile, VideoFileStore } from './video-file.ts';

/**
 * How old a file is before it counts as an orphan: a file that was kept a moment ago gets its row a moment later, and a
 * claim does not last that long without being renewed.
 */
const minOrphanAgeMs = 60 * 60_000;

const pageSize = 500;

/** The folder of a video's name is the id of its task. */
const taskIdIn = (name: string): string => name.split('/')[1] ?? '';

/** Yields the files that no row names, with a bounded number of them in memory. */
export async function* orphansIn(
  files: FileStore,
  rows: Pick<VideoFileStore, 'findMany'>,
  now: Date,
): AsyncGenerator<ListedFile> {
  let page: ListedFile[] = [];
  for await (const file of files.list('videos/')) {
    if (now.getTime() - file.modifiedAt.getTime() < minOrphanAgeMs) continue;
    page.push(file);
    if (page.length < pageSize) continue;
    yield* await unnamed(page, rows);
    page = [];
  }
  yield* await unnamed(page, rows);
}

async function unnamed(page: readonly ListedFile[], rows: Pick<VideoFileStore, 'findMany'>): Promise<ListedFile[]> {
  if (page.length === 0) return [];
  const found = await rows.findMany([...new Set(page.map(({ name }) => taskIdIn(name)))]);
  const named = new Set(found.map(({ name }) => name));
  return page.filter(({ name }) => !named.has(name));
}

/** Deletes the files that no row names, and returns how many. */
export async function sweepOrphans(
  files: FileStore,
  rows: Pick<VideoFileStore, 'findMany'>,
  now: Date,
): Promise<number> {
  let deleted = 0;
  for await (const { name } of orphansIn(files, rows, now)) {
    await files.delete(name);
    deleted += 1;
  }
  return deleted;
}

/** Yields the rows of stored videos whose file is missing or has another size. */
export async function* missingFiles(
  files: FileStore,
  rows: Pick<VideoFileStore, 'listNamed'>,
): AsyncGenerator<VideoFile> {
  for (let after = ''; ; ) {
    const page = await rows.listNamed(after, pageSize);
    for (const file of page) {
      const kept = file.state === 'STORED' && file.name !== null ? await files.stat(file.name) : null;
      if (file.state === 'STORED' && kept?.sizeBytes !== file.sizeBytes) yield file;
    }
    const last = page.at(-1);
    if (!last) return;
    after = last.taskId;
  }
}
