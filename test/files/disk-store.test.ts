import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFileStore, type StorageSettings } from '../../src/files/open-file-store.ts';
import { freshDirectory } from '../support/database.ts';
import { testFileStore } from '../support/file-store-tests.ts';
import { contentOf, namesIn, openingProblem, store } from '../support/file-stores.ts';

const diskAt = (folder: string, createFolder = false): StorageSettings => ({
  kind: 'disk',
  folder,
  createFolder,
  minFreeBytes: 0,
});

describe('a folder', () => {
  testFileStore(async () => diskAt(freshDirectory()));

  test('serves its files by this service, not by links of its own', async () => {
    const files = await openFileStore(diskAt(freshDirectory()));
    await store(files, 'one', 'bytes');
    const link = { signedAt: new Date(), expiresInSeconds: 60, contentType: 'video/mp4', fileName: 'one.mp4' };
    expect(await files.signedUrl('one', link)).toBeNull();
  });

  test('is created beside the database, and has to exist where the operator has named it', async () => {
    const folder = join(freshDirectory(), 'videos-files');
    expect(await openingProblem(diskAt(folder))).toBe(
      `The folder ${folder} cannot be used: it does not exist (ENOENT).`,
    );
    const files = await openFileStore(diskAt(folder, true));
    await store(files, 'one', 'bytes');
    expect(await contentOf(files, 'one')).toBe('bytes');
  });

  test('that is a file is refused at the start', async () => {
    const path = join(freshDirectory(), 'file');
    await writeFile(path, '');
    expect(await openingProblem(diskAt(path))).toContain(`The folder ${path} cannot be used: it is not a folder`);
    expect(await openingProblem(diskAt(path, true))).toContain(`The folder ${path} cannot be used`);
  });

  test('whose disk is not mounted any more has a problem, and stores nothing on the disk below', async () => {
    const folder = join(freshDirectory(), 'files');
    const files = await openFileStore(diskAt(folder, true));
    expect(await files.problem()).toBeNull();
    await rename(folder, `${folder}-elsewhere`);
    expect(await files.problem()).toContain(`The folder ${folder} is another one than at the start`);
    await mkdir(folder);
    expect(await files.problem()).toContain(`The folder ${folder} is another one than at the start`);
    await expect(store(files, 'one', 'bytes')).rejects.toThrow('it does not exist (ENOENT)');
    await openFileStore(diskAt(folder));
    expect(await files.problem()).toContain(`The folder ${folder} is another one than at the start`);
  });

  test('lists only what is a file of the service', async () => {
    const folder = freshDirectory();
    const files = await openFileStore(diskAt(folder));
    await store(files, 'videos/one', 'bytes');
    await writeFile(join(folder, 'videos', 'README.txt'), '');
    await writeFile(join(folder, 'lost+found'), '');
    await mkdir(join(folder, 'videos', 'empty'));
    await symlink('/etc/hostname', join(folder, 'videos', 'elsewhere'));
    expect(await namesIn(files)).toEqual(['videos/one']);
    expect(await readdir(join(folder, '.incoming'))).toEqual([]);
  });
});
