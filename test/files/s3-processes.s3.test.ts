import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openFileStore } from '../../src/files/open-file-store.ts';
import { maxGrowthBytes, passedBytes, startFileProgram, storesAndReads } from '../support/file-programs.ts';
import { listed, namesIn } from '../support/file-stores.ts';
import { freshBucket } from '../support/s3-bucket.ts';

test('300 MB pass through in flat memory', async () => {
  const program = startFileProgram(storesAndReads, await freshBucket());
  const { read, growth } = JSON.parse((await program.line()) ?? '');
  expect(read).toBe(passedBytes);
  expect(growth).toBeLessThan(maxGrowthBytes);
});

test('a process that is killed while it sends a file leaves none, and whole files before', async () => {
  const bucket = await freshBucket();
  const mebibytes = 16;
  for (let run = 0; run < 6; run++) {
    const program = startFileProgram(
      `for (let index = 0; ; index++) {
        const file = await files.receive(bodyOf(${mebibytes}), { maxBytes: ${mebibytes} * mebibyte });
        console.log('received');
        await file.keep(\`run-${run}/\${index}\`, 'video/mp4');
        console.log('kept');
      }`,
      bucket,
    );
    const lines = [await program.line(), await program.line(), await program.line()];
    expect(lines).toEqual(['received', 'kept', 'received']);
    // Each run ends at another moment of its second file.
    await sleep(10 + 20 * run);
    await program.kill();
  }
  const files = await openFileStore(bucket);
  const found = await listed(files);
  expect(await namesIn(files)).toEqual(expect.arrayContaining(['run-0/0', 'run-5/0']));
  expect(found.filter(({ sizeBytes }) => sizeBytes !== mebibytes * 1024 * 1024)).toEqual([]);
});

test('of processes that open a new bucket at once, all get the same id', async () => {
  const bucket = await freshBucket();
  const programs = Array.from({ length: 4 }, () => startFileProgram('console.log(files.id)', bucket));
  const ids = await Promise.all(programs.map((program) => program.line()));
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toBe((await openFileStore(bucket)).id);
});
