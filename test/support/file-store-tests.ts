import { readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { FileStore } from '../../src/files/file-store.ts';
import { openFileStore, type StorageSettings } from '../../src/files/open-file-store.ts';
import { FileTooLargeError, StorageError } from '../../src/files/storage-error.ts';
import { bodyOf, contentOf, listed, maxBytes, namesIn, sha256, store, temporaryFolderOf } from './file-stores.ts';

/** Names that lead out of the place, to its marker, or to one file on one system and another on the next. */
const strangeNames = [
  ...['', '.', '..', '../x', 'a/../b', '/etc/passwd', 'a//b', 'a/', '.store/id', '.store-id', '.incoming/x'],
  ...['A', 'a%2e', 'a b', 'a\\b', 'a?b', 'a#b', 'a\n', 'a\0', 'é', 'a'.repeat(201)],
];

/** What every place for files does. Each test has a place of its own. */
export function testFileStore(freshPlace: () => Promise<StorageSettings>): void {
  const open = async (): Promise<FileStore> => openFileStore(await freshPlace());

  test('a body that arrives in parts is kept whole, with its size, its SHA-256 and its beginning', async () => {
    const files = await open();
    const parts = Array.from({ length: 70 }, (_, part) => Buffer.alloc(1_000, `${part} `));
    const content = Buffer.concat(parts);
    const file = await files.receive(bodyOf(...parts), { maxBytes: content.length });
    expect(file).toMatchObject({ sizeBytes: 70_000, sha256: sha256(content) });
    expect(file.head).toEqual(content.subarray(0, 4_096));
    await file.keep('videos/one', 'video/mp4');
    expect(await contentOf(files, 'videos/one')).toBe(content.toString());
    const facts = await files.stat('videos/one');
    expect(facts?.sizeBytes).toBe(70_000);
    expect(Math.abs(Date.now() - (facts?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000);
  });

  test('a file without bytes is a file', async () => {
    const files = await open();
    await store(files, 'empty', '');
    expect(await files.stat('empty')).toMatchObject({ sizeBytes: 0 });
    expect(await contentOf(files, 'empty')).toBe('');
  });

  test('a body has no name before it is kept, and leaves nothing when it is discarded', async () => {
    const files = await open();
    const file = await files.receive(bodyOf('bytes'), { maxBytes });
    expect(await namesIn(files)).toEqual([]);
    await file.discard();
    await file.discard();
    expect(await readdir(dirname(file.path))).toEqual([]);
    await store(files, 'kept', 'bytes');
    expect(await readdir(dirname(file.path))).toEqual([]);
  });

  test('a file that is kept under a name replaces the one that had it', async () => {
    const files = await open();
    await store(files, 'videos/one', 'the first');
    await store(files, 'videos/one', 'the second one');
    expect(await contentOf(files, 'videos/one')).toBe('the second one');
  });

  test('a name without a file has no bytes and no facts, and deleting it is no error', async () => {
    const files = await open();
    await store(files, 'videos/one', 'bytes');
    for (const name of ['videos', 'videos/two', 'videos/one/more', 'other']) {
      expect(await files.open(name)).toBeNull();
      expect(await files.stat(name)).toBeNull();
    }
    await files.delete('videos/one');
    await files.delete('videos/one');
    expect(await files.stat('videos/one')).toBeNull();
    expect(await namesIn(files)).toEqual([]);
  });

  test.each([
    [0, 0, '0'],
    [0, 9, '0123456789'],
    [3, 5, '345'],
    [9, 9, '9'],
  ])('the range from %i to %i has these bytes and no others', async (start, end, expected) => {
    const files = await open();
    await store(files, 'digits', '0123456789');
    expect(await contentOf(files, 'digits', { start, end })).toBe(expected);
  });

  test('a body that exceeds its limit is not read further, and leaves nothing', async () => {
    const files = await open();
    let chunks = 0;
    const endless = async function* () {
      for (;;) {
        chunks += 1;
        yield Buffer.alloc(1_000);
      }
    };
    await expect(files.receive(endless(), { maxBytes: 10_500 })).rejects.toThrow(FileTooLargeError);
    expect(chunks).toBe(11);
    expect(await readdir(await temporaryFolderOf(files))).toEqual([]);
  });

  test('a body that breaks off leaves nothing, and its own error is thrown', async () => {
    const files = await open();
    const broken = new Error('the connection was reset');
    const breaking = async function* () {
      yield Buffer.from('half of it');
      throw broken;
    };
    await expect(files.receive(breaking(), { maxBytes })).rejects.toBe(broken);
    expect(await readdir(await temporaryFolderOf(files))).toEqual([]);
  });

  test('the signal ends the wait for a body of which nothing more comes', async () => {
    const files = await open();
    const stopping = new AbortController();
    const stuck = async function* () {
      yield Buffer.from('half of it');
      stopping.abort(new Error('the service stops'));
      await new Promise(() => {});
    };
    const received = files.receive(stuck(), { maxBytes, signal: stopping.signal });
    await expect(received).rejects.toThrow('the service stops');
    expect(await readdir(await temporaryFolderOf(files))).toEqual([]);
  });

  test('a name that could lead elsewhere is the name of no file', async () => {
    const files = await open();
    await using file = await files.receive(bodyOf('bytes'), { maxBytes });
    for (const name of strangeNames) {
      await expect(file.keep(name, 'video/mp4')).rejects.toThrow(TypeError);
      await expect(files.open(name)).rejects.toThrow(TypeError);
      await expect(files.stat(name)).rejects.toThrow(TypeError);
      await expect(files.delete(name)).rejects.toThrow(TypeError);
    }
    await expect(namesIn(files, '../')).rejects.toThrow(TypeError);
    expect(await namesIn(files)).toEqual([]);
  });

  test('a listing has all files whose names begin with the prefix', async () => {
    const files = await open();
    const names = Array.from({ length: 23 }, (_, index) => `videos/a${String(index).padStart(2, '0')}/file`);
    for (const name of [...names, 'videos/b', 'uploads/one']) await store(files, name, name);
    expect(await namesIn(files)).toEqual(['uploads/one', ...names, 'videos/b'].toSorted());
    expect(await namesIn(files, 'videos/')).toEqual([...names, 'videos/b']);
    expect(await namesIn(files, 'videos/a')).toEqual(names);
    expect(await namesIn(files, 'videos/a0')).toEqual(names.slice(0, 10));
    expect(await namesIn(files, 'nothing/')).toEqual([]);
    const [first] = await listed(files, 'uploads/');
    expect(first).toEqual({ name: 'uploads/one', ...(await files.stat('uploads/one')) });
  });

  test('a place keeps its id, and instances that start at once agree on it', async () => {
    const place = await freshPlace();
    const opened = await Promise.all(Array.from({ length: 8 }, () => openFileStore(place)));
    const ids = new Set(opened.map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect([...ids][0]).toMatch(/^[0-9a-f-]{36}$/);
    expect((await openFileStore(place)).id).toBe(opened[0]?.id);
    expect((await open()).id).not.toBe(opened[0]?.id);
    // The marker is no file.
    expect(await namesIn(await openFileStore(place))).toEqual([]);
  });

  test('below the minimum of free space nothing is stored, and what is there can be read and deleted', async () => {
    const place = await freshPlace();
    await store(await openFileStore(place), 'videos/one', 'bytes');
    const files = await openFileStore({ ...place, minFreeBytes: Number.MAX_SAFE_INTEGER });
    const problem = await files.problem();
    expect(problem).toMatch(
      /^The disk of \/\S+ has \d+ bytes free, and STORAGE_MIN_FREE_BYTES asks for 9007199254740991\.$/,
    );
    const refused = await files.receive(bodyOf('bytes'), { maxBytes }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StorageError);
    expect(`${refused}`).toContain('STORAGE_MIN_FREE_BYTES');
    expect(await contentOf(files, 'videos/one')).toBe('bytes');
    await files.delete('videos/one');
    expect(await (await openFileStore(place)).problem()).toBeNull();
  });

  test('what a dead process left is removed after an hour, and what another one is receiving is not', async () => {
    const place = await freshPlace();
    const files = await openFileStore(place);
    const folder = await temporaryFolderOf(files);
    const old = new Date(Date.now() - 61 * 60_000);
    const leave = async () => {
      for (const name of ['left', 'new']) await writeFile(join(folder, name), 'half of it');
      await utimes(join(folder, 'left'), old, old);
    };
    await leave();
    await files.sweep();
    expect(await readdir(folder)).toEqual(['new']);
    await leave();
    await openFileStore(place);
    expect(await readdir(folder)).toEqual(['new']);
    await using file = await files.receive(bodyOf('bytes'), { maxBytes });
    expect(await readdir(folder)).toContain(file.path.split('/').at(-1));
    await writeFile(join(folder, 'new'), '');
    await utimes(join(folder, 'new'), old, old);
    await files.sweep();
  });
}
