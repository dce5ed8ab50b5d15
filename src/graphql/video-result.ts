import type { VideoResult as Result } from '../media/result-of-task.ts';
import { storageStates, type VideoFile } from '../media/video-file.ts';
import { builder } from './builder.ts';
import { enumOfTable } from './enums.ts';

const VideoState = builder.enumType('VideoState', {
  description: 'Whether a finished video can still be fetched.',
  values: {
    AVAILABLE: { description: 'The URL works until about `expiresAt`.' },
    EXPIRED: {
      description: 'The vendor has taken the link down, and the service has not stored the video: `url` is null.',
    },
    WITHHELD: {
      description: "The link contains the key of the upstream's account, so that it cannot be shown: `url` is null.",
    },
    DELETED: { description: 'The stored video was deleted: `url` is null.' },
  } as const,
});

export const VideoStorageState = enumOfTable(
  'VideoStorageState',
  'What becomes of storing a finished video.',
  storageStates,
);

const VideoStorage = builder.objectRef<VideoFile>('VideoStorage').implement({
  description: 'The copy of a finished video that the service stores.',
  fields: (t) => ({
    state: t.expose('state', { type: VideoStorageState, description: 'How far storing has come.' }),
    storedAt: t.expose('storedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the file was stored; null until then.',
    }),
    deleteAt: t.expose('deleteAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the service deletes the file; null where it keeps it for good.',
    }),
    sizeBytes: t.exposeInt('sizeBytes', { nullable: true, description: 'The size in bytes; null until it is stored.' }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: 'The SHA-256 of the file, in lower-case hexadecimal; null until it is stored.',
    }),
    contentType: t.exposeString('contentType', {
      nullable: true,
      description: 'The mime type by the first bytes of the file, `video/mp4` as a rule; null until it is stored.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why the last attempt to store it failed, as a sentence for people; null where none has.',
    }),
  }),
});

export const VideoResult = builder.objectRef<Result>('VideoResult').implement({
  description: 'A finished video, an MP4 file: on the side of the vendor at first, then stored by this service.',
  fields: (t) => ({
    url: t.exposeString('url', {
      nullable: true,
      description:
        "Where to fetch it, an http(s) URL of at most 8,000 characters; null where `state` is not AVAILABLE. It is a signed link of this service once the video is stored, and the vendor's link before. Who has the link can fetch the video until `expiresAt`, without a key.",
    }),
    state: t.expose('state', { type: VideoState, description: 'Whether it can still be fetched.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the link stops working. A link of this service is valid for a day unless the operator has set `FILE_LINK_HOURS`, and each later read gives one that is valid for longer. The vendor\'s link ends 24 hours after the service saw the video completed, or sooner where the link itself says so (the expiry of a signed URL, if it lies after that moment): the vendor gives "about 24 hours" from when the video was made. Null where it is not known; at present it always is.',
    }),
    durationSeconds: t.float({
      nullable: true,
      description: 'How long the video really is, in seconds, as the upstream says; null where it does not say.',
      resolve: ({ task }) => task.videoDurationSeconds,
    }),
    storage: t.field({
      type: VideoStorage,
      nullable: true,
      complexity: 2,
      description:
        'The copy that the service stores; null where it stores none, and until it has begun to. Storing that fails is never a reason to order again: the task stays COMPLETED.',
      resolve: ({ task }, _, { media }) => media.storageOf(task.id),
    }),
  }),
});
