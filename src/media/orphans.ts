import type { FileStore, ListedFile } from '../files/file-store.ts';
import type { ImageFileStore } from './image-file.ts';
import type { VideoFileStore } from './video-file.ts';

/** The rows that name the files of a store. */
export interface FileRows {
  readonly videos: Pick<VideoFileStore, 'findMany' | 'listNamed'>;
  readonly images: Pick<ImageFileStore, 'findMany' | 'listNamed'>;
}

/** A file as its row names it. */
interface NamedFile {
  readonly name: string | null;
  readonly sizeBytes: number | null;
}

/**
 * How old a file is before it counts as an orphan: a file that was kept a moment ago gets its row a moment later, and a
 * claim does not last that long without being renewed.
 */
const minOrphanAgeMs = 60 * 60_000;

const pageSize = 500;

/** The second part of a name is the id of the row: of a task for a video, of the image itself for an image. */
const idIn = (name: string): string => name.split('/')[1] ?? '';

/** Yields the files that no row names, with a bounded number of them in memory. */
export async function* orphansIn(files: FileStore, rows: FileRows, now: Date): AsyncGenerator<ListedFile> {
  for (const kind of ['videos', 'images'] as const) {
    let page: ListedFile[] = [];
    for await (const file of files.list(`${kind}/`)) {
      if (now.getTime() - file.modifiedAt.getTime() < minOrphanAgeMs) continue;
      page.push(file);
      if (page.length < pageSize) continue;
      yield* await unnamed(page, rows[kind]);
      page = [];
    }
    yield* await unnamed(page, rows[kind]);
  }
}

async function unnamed(
  page: readonly ListedFile[],
  rows: { findMany(ids: readonly string[]): Promise<readonly NamedFile[]> },
): Promise<ListedFile[]> {
  if (page.length === 0) return [];
  const found = await rows.findMany([...new Set(page.map(({ name }) => idIn(name)))]);
  const named = new Set(found.map(({ name }) => name));
  return page.filter(({ name }) => !named.has(name));
}

/** Deletes the files that no row names, and returns how many. */
export async function sweepOrphans(files: FileStore, rows: FileRows, now: Date): Promise<number> {
  let deleted = 0;
  for await (const { name } of orphansIn(files, rows, now)) {
    await files.delete(name);
    deleted += 1;
  }
  return deleted;
}

/** Yields what rows name and the store has not, or in another size. */
export async function* missingFiles(files: FileStore, { videos, images }: FileRows): AsyncGenerator<NamedFile> {
  const lists = [pagesOf(videos, ({ taskId }) => taskId, 'STORED'), pagesOf(images, ({ id }) => id, 'READY')];
  for (const list of lists) {
    for await (const { name, sizeBytes } of list) {
      const kept = name === null ? null : await files.stat(name);
      if (kept?.sizeBytes !== sizeBytes) yield { name, sizeBytes };
    }
  }
}

/** Yields the rows in a state, page by page. */
async function* pagesOf<Row extends NamedFile & { readonly state: string }>(
  rows: { listNamed(after: string, limit: number): Promise<Row[]> },
  idOf: (row: Row) => string,
  state: Row['state'],
): AsyncGenerator<NamedFile> {
  for (let after = ''; ; ) {
    const page = await rows.listNamed(after, pageSize);
    yield* page.filter((row) => row.state === state);
    const last = page.at(-1);
    if (!last) return;
    after = idOf(last);
  }
}
