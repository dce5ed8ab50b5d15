import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { anOrder, submitDocument } from '../support/app.ts';
import { freshDirectory } from '../support/database.ts';
import { ownMounts } from '../support/file-programs.ts';
import { noSpendingLimits } from '../support/local-caller.ts';
import { post, type ServiceProcess, serving } from '../support/process.ts';
import { videoDocument } from '../support/storing-app.ts';
import { apiKey, startUpstream, status } from '../support/upstream.ts';
import { mp4Of, sha256Of, startVideoHost } from '../support/video-host.ts';

const mebibyte = 1024 * 1024;

/** Storing is tried again a minute after it failed for want of space. */
const patience = { timeout: 90_000, interval: 500 };

const video = mp4Of(mebibyte);

/** A small disk that the service alone sees, with a file that fills it. */
interface FullDisk {
  /** Where it is, as this process sees it. */
  readonly place: string;
  /** Removes the file that fills it. */
  readonly free: () => void;
}

interface Case {
  readonly mebibytes: number;
  readonly filled: number;
  /** The settings, by the folder into which the disk is mounted, and another one. */
  readonly settings: (disk: string, elsewhere: string) => Record<string, string>;
  /** The folder of the files on the disk. */
  readonly files: string;
  /** What the operator reads in the log. */
  readonly logged: RegExp;
}

const cases: Case[] = [
  {
    // The disk of the database and the files has less free than is kept for orders.
    mebibytes: 32,
    filled: 20,
    settings: (disk) => ({ DATABASE_URL: `file:${disk}/videos.db`, STORAGE_MIN_FREE_BYTES: `${16 * mebibyte}` }),
    files: 'videos-files',
    logged: /STORAGE_MIN_FREE_BYTES asks for/,
  },
  {
    // The disk of the files is full in the middle of a file.
    mebibytes: 10,
    filled: 9.5,
    settings: (disk, elsewhere) => ({
      DATABASE_URL: `file:${elsewhere}/videos.db`,
      STORAGE_URL: `file:${disk}`,
      STORAGE_MIN_FREE_BYTES: '0',
    }),
    files: '.',
    logged: /its disk is full \(ENOSPC\)/,
  },
];

/** Starts the service with a disk of its own, which is full. */
async function startOnFullDisk({ mebibytes, filled, settings }: Case): Promise<[ServiceProcess, FullDisk]> {
  const [directory, upstream, host] = [freshDirectory(), await startUpstream(), await startVideoHost(video)];
  upstream.onCheck = status('completed', { video_url: host.link, actualDuration: 10 });
  const disk = join(directory, 'disk');
  mkdirSync(disk);
  const { PATH = '' } = process.env;
  const env = {
    ...{ PATH, PORT: '0', GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url, OUTBOUND_PRIVATE_HOSTS: host.host },
    ...{ TRACKER_FIRST_CHECK_MS: '50', TRACKER_INTERVAL_MS: '50', ...noSpendingLimits, ...settings(disk, directory) },
  };
  const mounted = `mount -t tmpfs -o size=${mebibytes}m none "$0" && exec "$@"`;
  const command = ['sh', '-c', mounted, disk, process.execPath, 'src/main.ts'];
  const child = spawn('unshare', ['-rm', ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const service = await serving(child);
  const place = `/proc/${child.pid}/root${disk}`;
  const filling = join(place, 'filling');
  writeFileSync(filling, Buffer.alloc(filled * mebibyte));
  return [service, { place, free: () => rmSync(filling) }];
}

const videoOf = async ({ url }: ServiceProcess, id: string) =>
  (await (await post(url, videoDocument, { id })).json()).data.videoTask;

/** Orders while the disk is full, and sees the videos stored once it is not. */
async function orderOnFullDisk(given: Case): Promise<void> {
  const [service, disk] = await startOnFullDisk(given);
  const ids: string[] = [];
  for (let count = 0; count < 3; count++) {
    const { data } = await (await post(service.url, submitDocument, { input: anOrder })).json();
    ids.push(data.submitVideo.task.id);
  }
  for (const id of ids) {
    await expect
      .poll(() => videoOf(service, id), patience)
      .toMatchObject({
        status: 'COMPLETED',
        video: {
          state: 'AVAILABLE',
          storage: { state: 'PENDING', message: expect.stringContaining('takes no files') },
        },
      });
  }
  expect(service.log()).toMatch(given.logged);
  expect(readdirSync(join(disk.place, given.files, '.incoming'))).toEqual([]);
  disk.free();
  for (const id of ids) {
    const ownLink = expect.stringContaining(new URL('/files/', service.url).href);
    await expect
      .poll(() => videoOf(service, id), patience)
      .toMatchObject({ video: { url: ownLink, storage: { state: 'STORED' } } });
    const { url } = (await videoOf(service, id)).video;
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    expect(sha256Of(bytes)).toBe(sha256Of(video));
  }
  expect(await service.end('SIGTERM')).toBe(0);
}

// Side by side, because each of them waits a minute.
test.skipIf(ownMounts.length === 0)(
  'on a full disk, orders go on and nothing is stored, and storing resumes by itself once there is space',
  () => Promise.all(cases.map(orderOnFullDisk)),
  200_000,
);
