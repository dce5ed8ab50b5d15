import { maxAhead, type WaitingPlace } from '../orders/waiting-orders.ts';
import { waitReasons } from '../tasks/wait-reasons.ts';
import { builder } from './builder.ts';
import { enumOfTable } from './enums.ts';
import { VideoTask } from './video-task.ts';

const VideoWaitReason = enumOfTable('VideoWaitReason', 'Why an order is not sent yet.', waitReasons);

const VideoWaiting = builder.objectRef<WaitingPlace>('VideoWaiting').implement({
  description:
    'Where a waiting order stands. Clients take turns, so that an order of another client may be sent before one that was placed earlier.',
  fields: (t) => ({
    reason: t.expose('reason', { type: VideoWaitReason, description: 'What it waits for at present.' }),
    ahead: t.exposeInt('ahead', {
      description: `How many orders of all clients are sent before it, as it looks now, counted up to ${maxAhead.toLocaleString('en')}.`,
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When it is sent at the earliest, by what the upstream said last and by the pace of the service (`UPSTREAM_SUBMITS_PER_MINUTE`); null where neither tells.',
    }),
    startBefore: t.expose('startBefore', {
      type: 'DateTime',
      nullable: true,
      description: 'From then on it is not sent any more.',
    }),
  }),
});

builder.objectField(VideoTask, 'waiting', (t) =>
  t.field({
    type: VideoWaiting,
    nullable: true,
    complexity: 10,
    description:
      'Where the order stands among those that wait; null unless the status is WAITING, or with an error beside it: it is read by itself.',
    resolve: (task, _, { orders }) => orders.waiting.placeOf(task),
  }),
);
