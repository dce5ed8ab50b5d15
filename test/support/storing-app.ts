import { expect } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import { anOrder, createTestApp, submitDocument, type TestApp } from './app.ts';
import { freshDatabase, freshDirectory } from './database.ts';
import { status } from './upstream.ts';
import { mp4Of, startVideoHost, type VideoHost } from './video-host.ts';

export interface StoringApp extends TestApp {
  readonly host: VideoHost;
  readonly video: Buffer;
  /** The folder of the stored files. */
  readonly folder: string;
  /** Moves the clock. */
  advance(ms: number): void;
  /** Orders a video, which the upstream completes at once, and returns the task's id. */
  order(): Promise<string>;
  /** The task's video as a caller reads it. */
  videoOf(id: string): Promise<{ url: string | null; state: string; expiresAt: string; storage: Storage }>;
  /** Waits until the message about storing the task's video is this one. */
  untilMessage(id: string, message: RegExp): Promise<void>;
  /** Waits until storing the task's video has come to a state, and returns the video. */
  until(id: string, state: string): ReturnType<StoringApp['videoOf']>;
}

interface Storage {
  readonly state: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string;
  readonly message: string | null;
  readonly storedAt: string | null;
  readonly deleteAt: string | null;
}

export const videoDocument = `query ($id: ID!) { videoTask(id: $id) { status video {
  url state expiresAt storage { state sizeBytes sha256 contentType message storedAt deleteAt }
} } }`;

interface Options {
  readonly provider?: Provider;
  readonly databaseUrl?: string;
  readonly folder?: string;
  readonly video?: Buffer;
  readonly host?: VideoHost;
  readonly settings?: Record<string, string>;
}

export const secret = Buffer.alloc(32, 7).toString('base64');

/** The whole service, started, with a folder for files and a host whose video the upstream names. The clock can be moved. */
export async function createStoringApp(options: Options = {}): Promise<StoringApp> {
  const { provider = 'sqlite', video = mp4Of(200_000), folder = freshDirectory() } = options;
  const host = options.host ?? (await startVideoHost(video));
  const clock = { aheadMs: 0 };
  const app = await createTestApp({
    databaseUrl: options.databaseUrl ?? (await freshDatabase(provider)),
    now: () => new Date(Date.now() + clock.aheadMs),
    started: true,
    settings: {
      STORAGE_URL: `file:${folder}`,
      STORAGE_MIN_FREE_BYTES: '0',
      SERVICE_SECRET: secret,
      OUTBOUND_PRIVATE_HOSTS: host.host,
      ...options.settings,
    },
  });
  app.upstream.onCheck = status('completed', { video_url: host.link, actualDuration: 10 });
  const videoOf: StoringApp['videoOf'] = async (id) => (await app.query(videoDocument, { id })).data.videoTask.video;
  return {
    ...{ ...app, host, video, folder, videoOf },
    advance(ms) {
      clock.aheadMs += ms;
    },
    async order() {
      const { data } = await app.query(submitDocument, { input: anOrder });
      return data.submitVideo.task.id;
    },
    untilMessage: (id, message) =>
      expect.poll(async () => `${(await videoOf(id))?.storage?.message}`, { timeout: 20_000 }).toMatch(message),
    async until(id, state) {
      const settled = { storage: expect.objectContaining({ state }), url: expect.not.stringContaining(host.link) };
      const reached = state === 'STORED' ? settled : { storage: settled.storage };
      // The task shows its new link a moment after the row of the file.
      await expect.poll(() => videoOf(id), { timeout: 20_000 }).toMatchObject(reached);
      return videoOf(id);
    },
  };
}
