import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openFileStore, type StorageSettings } from '../../src/files/open-file-store.ts';
import { freshDirectory } from '../support/database.ts';
import { maxGrowthBytes, ownMounts, passedBytes, startFileProgram, storesAndReads } from '../support/file-programs.ts';
import { contentOf, namesIn, store } from '../support/file-stores.ts';

const diskAt = (folder: string): StorageSettings => ({ kind: 'disk', folder, createFolder: false, minFreeBytes: 0 });

test('a process that is killed before it keeps a file leaves none, and its bytes are removed after an hour', async () => {
  const folder = freshDirectory();
  const program = startFileProgram(
    `await files.receive(bodyOf(2), { maxBytes: 2 * mebibyte });
    console.log('received');
    setInterval(() => {}, 1_000);`,
    diskAt(folder),
  );
  expect(await program.line()).toBe('received');
  await program.kill();
  const files = await openFileStore(diskAt(folder));
  expect(await namesIn(files)).toEqual([]);
  const [left = ''] = await readdir(join(folder, '.incoming'));
  const twoHoursAgo = new Date(Date.now() - 2 * 60 * 60_000);
  await utimes(join(folder, '.incoming', left), twoHoursAgo, twoHoursAgo);
  await files.sweep();
  expect(await readdir(join(folder, '.incoming'))).toEqual([]);
});

test('a process that is killed at any moment leaves whole files and no others', async () => {
  const folder = freshDirectory();
  for (let run = 0; run < 10; run++) {
    const program = startFileProgram(
      `console.log('ready');
      for (let index = 0; ; index++) {
        const file = await files.receive(bodyOf(1, 'run ${run} '), { maxBytes: mebibyte });
        await file.keep(\`run-${run}/\${index}\`, 'video/mp4');
      }`,
      diskAt(folder),
    );
    await program.line();
    // Each run ends at another moment of its work.
    await sleep(40 + 13 * run);
    await program.kill();
  }
  const files = await openFileStore(diskAt(folder));
  const names = await namesIn(files);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) {
    const [, run] = /^run-(\d+)/.exec(name) ?? [];
    const whole = Buffer.alloc((1024 * 1024) / 16, `run ${run} `)
      .toString()
      .repeat(16);
    expect((await contentOf(files, name)) === whole, `${name} is whole`).toBe(true);
  }
});

test('of two processes that open a new folder at once, both get the same id', async () => {
  const folder = freshDirectory();
  const programs = Array.from({ length: 4 }, () => startFileProgram('console.log(files.id)', diskAt(folder)));
  const ids = await Promise.all(programs.map((program) => program.line()));
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toBe((await openFileStore(diskAt(folder))).id);
});

test('300 MB pass through in flat memory', async () => {
  const program = startFileProgram(storesAndReads, diskAt(freshDirectory()));
  const { read, growth } = JSON.parse((await program.line()) ?? '');
  expect(read).toBe(passedBytes);
  expect(growth).toBeLessThan(maxGrowthBytes);
});

// Containers, and systems that restrict user namespaces, allow no mounts to a user.
test.skipIf(ownMounts.length === 0)(
  'a full disk is named, leaves no part of the file, and takes files again',
  async () => {
    const folder = freshDirectory();
    const program = startFileProgram(
      `const attempt = async (name, mebibytes) => {
      try {
        await (await files.receive(bodyOf(mebibytes), { maxBytes: 64 * mebibyte })).keep(name, 'video/mp4');
        console.log('kept');
      } catch (error) {
        console.log(\`\${error.name}: \${error.message}\`);
      }
    };
    const { readdir } = await import('node:fs/promises');
    await attempt('one', 5);
    await attempt('two', 16);
    console.log(JSON.stringify(await readdir('${folder}/.incoming')));
    await files.delete('one');
    await attempt('three', 5);
    console.log(JSON.stringify(await Array.fromAsync(files.list(''), ({ name }) => name)));`,
      diskAt(folder),
      ...ownMounts,
      ...['sh', '-c', 'mount -t tmpfs -o size=8m none "$1" && shift && exec "$@"', 'sh', folder],
    );
    expect(await program.line()).toBe('kept');
    expect(await program.line()).toBe(
      `StorageError: The folder ${folder}/.incoming cannot be used: its disk is full (ENOSPC).`,
    );
    expect(await program.line()).toBe('[]');
    expect(await program.line()).toBe('kept');
    expect(await program.line()).toBe('["three"]');
  },
);

test.skipIf(ownMounts.length === 0)('a folder that cannot be written to is refused at the start', async () => {
  const folder = freshDirectory();
  await store(await openFileStore(diskAt(folder)), 'one', 'bytes');
  const program = startFileProgram(
    '',
    diskAt(folder),
    ...ownMounts,
    ...['sh', '-c', 'mount -t tmpfs -o ro none "$1" && shift && exec "$@" 2>&1', 'sh', folder],
  );
  const lines: string[] = [];
  for (let line = await program.line(); line !== null; line = await program.line()) lines.push(line);
  expect(lines.join('\n')).toContain(`The folder ${folder} cannot be used: it is mounted read-only (EROFS).`);
});
