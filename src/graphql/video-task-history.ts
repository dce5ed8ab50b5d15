import { resolveArrayConnection } from '@pothos/plugin-relay';
import { type ChangeCause, changeCauses, type HistoryEntry } from '../tasks/task.ts';
import { maxResubmissions } from '../tasks/task-reader.ts';
import { builder } from './builder.ts';
import { enumOf } from './enums.ts';
import { offsetCursor, pageArguments, pageComplexity, withTrueCursors } from './paging.ts';
import { VideoStorageState } from './video-result.ts';
import { VideoTask, VideoTaskStatus } from './video-task.ts';

const VideoTaskChangeCause = enumOf(
  'VideoTaskChangeCause',
  'The cause of a change of a task.',
  Object.keys(changeCauses) as ChangeCause[],
  (cause) => cause,
  (cause) => changeCauses[cause],
);

const VideoTaskChange = builder.objectRef<HistoryEntry>('VideoTaskChange').implement({
  description: 'One change of a task.',
  fields: (t) => ({
    from: t.expose('from', { type: VideoTaskStatus, description: 'The status before.' }),
    to: t.expose('to', {
      type: VideoTaskStatus,
      description:
        "The status after; the same where only the upstream's word for it changed, or the storing of the video ended.",
    }),
    at: t.field({
      type: 'DateTime',
      description: 'When the service saw the change.',
      resolve: ({ at }) => new Date(at),
    }),
    cause: t.expose('cause', { type: VideoTaskChangeCause, description: 'The cause of the change.' }),
    upstreamStatus: t.exposeString('upstreamStatus', {
      nullable: true,
      description: "The upstream's own word for the status after the change.",
    }),
    storageState: t.field({
      type: VideoStorageState,
      nullable: true,
      description: 'What became of storing the video: STORED or FAILED; null unless the cause is STORE.',
      resolve: ({ storage }) => storage ?? null,
    }),
    attempt: t.exposeInt('attempt', { description: 'How many checks of the task had been made before the change.' }),
  }),
});

builder.objectFields(VideoTask, (t) => ({
  history: t.connection(
    {
      type: VideoTaskChange,
      description:
        "Every change of the task's status that was seen, the first 100 changes of the upstream's word for it, and the end of storing the video; the oldest first.",
      complexity: pageComplexity,
      validate: pageArguments(offsetCursor),
      resolve: ({ history }, args) => withTrueCursors(resolveArrayConnection({ args }, history)),
    },
    { name: 'VideoTaskChangeConnection', description: "A page of a task's history, the oldest change first." },
    { name: 'VideoTaskChangeEdge', description: "A change in a task's history." },
  ),
  resubmissionOf: t.field({
    type: VideoTask,
    nullable: true,
    description: 'The ended task whose order this one repeats; null where it repeats none, or none of yours.',
    complexity: 5,
    authScopes: { read: true },
    resolve: ({ resubmissionOfId }, _, { tasks }) => (resubmissionOfId === null ? null : tasks.find(resubmissionOfId)),
  }),
  resubmissions: t.field({
    type: [VideoTask],
    // Nullable, so that an error in reading them does not remove the answer to a paid order.
    nullable: true,
    description: `The tasks that repeat the order of this one, the newest first, ${maxResubmissions} at most; null only with an error beside it.`,
    // Takes the scope `read`, because a caller that may only order may see only what it orders now.
    authScopes: { read: true },
    complexity: { field: 10, multiplier: maxResubmissions },
    resolve: ({ id }, _, { tasks }) => tasks.listResubmissions(id),
  }),
}));
