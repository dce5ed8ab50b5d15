import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createStoringApp, type StoringApp } from '../support/storing-app.ts';

const twoHoursMs = 2 * 60 * 60_000;

/** Runs the command on the database and the folder of a service. */
function run({ databaseUrl, folder }: StoringApp, ...args: string[]) {
  const { PATH = '' } = process.env;
  const env = { PATH, DATABASE_URL: databaseUrl, STORAGE_URL: `file:${folder}`, STORAGE_MIN_FREE_BYTES: '0' };
  return new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, ['src/check-files.ts', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

/** Puts a file into the store that no row names. */
function addOrphan(folder: string, ageMs: number, kind = 'videos'): string {
  const name = `${kind}/${randomUUID()}/${randomUUID()}`;
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), 'x');
  const modified = new Date(Date.now() - ageMs);
  utimesSync(join(folder, name), modified, modified);
  return name;
}

test('npm run files names what differs between rows and files, and deletes what belongs to no video', async () => {
  const app = await createStoringApp();
  const id = await app.order();
  const { url } = await app.until(id, 'STORED');
  expect(await run(app, 'check')).toEqual({ code: 0, output: expect.stringMatching(/agree/) });

  const orphan = addOrphan(app.folder, twoHoursMs);
  const image = addOrphan(app.folder, twoHoursMs, 'images');
  const young = addOrphan(app.folder, 0);
  const found = await run(app, 'check');
  expect(found).toEqual({ code: 1, output: `orphan   ${orphan}, 1 bytes\norphan   ${image}, 1 bytes\n` });
  expect(await run(app, 'sweep')).toEqual({ code: 0, output: '2 files deleted.\n' });
  expect(await run(app, 'check')).toMatchObject({ code: 0 });
  expect(readdirSync(join(app.folder, young, '..'))).toHaveLength(1);
  expect((await fetch(url ?? '')).status).toBe(200);

  rmSync(join(app.folder, 'videos', id), { recursive: true });
  const missing = await run(app, 'check');
  expect(missing).toEqual({ code: 1, output: expect.stringMatching(new RegExp(`^missing  videos/${id}/.*\n$`)) });
});

test('npm run files refuses a folder that belongs to another database, and says how it is used', async () => {
  const [app, other] = [await createStoringApp(), await createStoringApp()];
  const mixed = await run({ ...app, folder: other.folder }, 'check');
  expect(mixed).toEqual({ code: 1, output: expect.stringMatching(/file store of another database/) });
  expect(await run(app)).toEqual({ code: 1, output: expect.stringMatching(/^Usage: npm run files/) });
  expect(await run(app, '--help')).toEqual({ code: 0, output: expect.stringMatching(/^Usage: npm run files/) });
});
