import { type FailureCode, failures } from '../tasks/failures.ts';
import { type VideoTask as Task, taskStatuses } from '../tasks/task.ts';
import { builder } from './builder.ts';
import { enumOfTable } from './enums.ts';
import { VideoBillingUnit, VideoModelName } from './video-model.ts';
import { VideoAspectRatio, VideoResolution } from './video-option.ts';
import { VideoReferenceImage } from './video-reference-image.ts';
import { VideoResult } from './video-result.ts';

export const VideoTaskStatus = enumOfTable('VideoTaskStatus', 'How far a task has come.', taskStatuses);

const VideoFailureCode = enumOfTable('VideoFailureCode', 'The kinds of failure of a valid order.', failures);

const VideoMode = builder.enumType('VideoMode', {
  description: 'What a video is made from.',
  values: {
    TEXT_TO_VIDEO: { description: 'From the prompt alone.' },
    IMAGE_TO_VIDEO: { description: 'From the prompt and reference images.' },
  } as const,
});

const VideoOptions = builder.objectRef<Task>('VideoOptions').implement({
  description: 'The options of the video: those of the order, and defaults for the others.',
  fields: (t) => ({
    durationSeconds: t.exposeInt('durationSeconds', {
      description: 'The length of the video that was ordered, in seconds.',
    }),
    aspectRatio: t.expose('aspectRatio', {
      type: VideoAspectRatio,
      description: 'The width of the video in relation to its height.',
    }),
    resolution: t.expose('resolution', { type: VideoResolution, description: 'The resolution of the video.' }),
  }),
});

interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly retryAfterSeconds: number | null;
}

const failureOf = ({ failureCode, failureMessage, failureRetryAfterSeconds }: Task): Failure | null =>
  failureCode && {
    code: failureCode,
    message: failureMessage ?? '',
    retryAfterSeconds: failureRetryAfterSeconds,
  };

const VideoFailure = builder.objectRef<Failure>('VideoFailure').implement({
  description: 'Why an order failed, at once or later.',
  fields: (t) => ({
    code: t.expose('code', { type: VideoFailureCode, description: 'The kind of failure, for programs to decide by.' }),
    message: t.exposeString('message', {
      description: 'The failure as a sentence for people. It quotes the reason of the upstream where there is one.',
    }),
    retryable: t.boolean({
      description: 'Whether the same order, sent again unchanged, may succeed.',
      resolve: ({ code }) => failures[code].retryable,
    }),
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      nullable: true,
      description:
        'How many seconds after its answer to the order the upstream takes orders again, as it said (`Retry-After`), 86,400 at most; null where it did not say. `retryable` says whether to order again.',
    }),
    mayBeBilled: t.boolean({
      description: 'Whether the vendor may charge for this order. Refunds are not documented.',
      resolve: ({ code }) => failures[code].mayBeBilled,
    }),
  }),
});

const VideoBilling = builder.objectRef<Task>('VideoBilling').implement({
  description: 'What the vendor bills the order for, if it bills it.',
  fields: (t) => ({
    unit: t.expose('billingUnit', {
      type: VideoBillingUnit,
      description: 'The unit by which the vendor bills the model.',
    }),
    units: t.exposeInt('billingUnits', { description: 'How many units: the seconds that were ordered, or 1 call.' }),
  }),
});

export const VideoTask = builder.objectRef<Task>('VideoTask').implement({
  directives: { key: { fields: 'id' } },
  description: 'One ordered video: the order, its progress and its result. The service does not delete tasks.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: "The task's id, a UUID v7. It is this service's own; the upstream's is `upstreamId`.",
    }),
    client: t.exposeString('client', {
      description: 'The client that ordered it, as named by its API key or token.',
    }),
    model: t.expose('model', { type: VideoModelName, description: 'The model that makes the video.' }),
    mode: t.expose('mode', { type: VideoMode, description: 'What the video is made from.' }),
    prompt: t.exposeString('prompt', {
      nullable: true,
      complexity: 5,
      description:
        'What the video shows, as it was ordered, trimmed. Null once it has been erased; at present no prompt is.',
    }),
    options: t.field({ type: VideoOptions, description: 'The options of the video.', resolve: (task) => task }),
    referenceImages: t.field({
      type: [VideoReferenceImage],
      nullable: true,
      description:
        'The reference images in the order in which they were ordered; empty where there are none. Null only with an error beside it: they are read by themselves, so that an error in reading them does not remove the answer to a paid order.',
      complexity: 5,
      resolve: async (task, _, { tasks }) => [...(await tasks.referenceImagesOf(task))],
    }),
    status: t.expose('status', { type: VideoTaskStatus, description: 'How far it has come.' }),
    video: t.field({
      type: VideoResult,
      nullable: true,
      description: 'The finished video; null unless the status is COMPLETED.',
      resolve: (task, _, { media }) => media.resultOf(task),
    }),
    failure: t.field({
      type: VideoFailure,
      nullable: true,
      description:
        'What went wrong; null unless the status is FAILED, CANCELLED or UNCONFIRMED, and for a task that its caller cancelled.',
      resolve: failureOf,
    }),
    billing: t.field({ type: VideoBilling, description: 'What the vendor bills for it.', resolve: (task) => task }),
    upstreamId: t.string({
      nullable: true,
      description:
        "The upstream's id of the task, for its console and support, at most 255 characters; null until it has accepted the order. If it contains the key of the upstream's account, `[redacted]` stands in the place of the key.",
      resolve: ({ upstreamId }, _, { upstreamKey }) => upstreamId && upstreamKey.redact(upstreamId),
    }),
    upstreamStatus: t.exposeString('upstreamStatus', {
      nullable: true,
      description:
        "The upstream's own word for the status, as it last said it. After 100 changes of the word, further ones are recorded only together with a change of the status. Not an enum, because the upstream may use new words.",
    }),
  }),
});

builder.objectFields(VideoTask, (t) => ({
  createdAt: t.expose('createdAt', {
    type: 'DateTime',
    description: 'When the order was recorded, before it was sent.',
  }),
  submittedAt: t.expose('submittedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When the upstream accepted the order; null until then.',
  }),
  lastCheckedAt: t.expose('lastCheckedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When the upstream last said how the task is doing; null before the first time.',
  }),
  nextCheckAt: t.expose('nextCheckAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When the service checks the task next; null where no check is planned.',
  }),
  completedAt: t.expose('completedAt', {
    type: 'DateTime',
    nullable: true,
    description:
      'When the service learned that the task had ended, as COMPLETED, FAILED or CANCELLED; null until then.',
  }),
}));
