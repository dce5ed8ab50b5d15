import { maxCancelled } from '../orders/cancelling.ts';
import type { VideoTask as Task } from '../tasks/task.ts';
import { builder } from './builder.ts';
import { taskPayload } from './resolve-video-task.ts';
import { taskId, taskIdDescription } from './task-id.ts';
import { combinationWeight, filterOf, VideoTaskFilter } from './video-tasks.ts';

const CancelVideoTaskPayload = taskPayload('CancelVideoTaskPayload', 'The result of a cancellation.');

const CancelVideoTasksPayload = builder.objectRef<readonly Task[]>('CancelVideoTasksPayload').implement({
  description: 'The result of cancelling several orders.',
  fields: (t) => ({
    ids: t.idList({
      description: 'The ids of the tasks that were cancelled now.',
      resolve: (tasks) => tasks.map(({ id }) => id),
    }),
    count: t.int({ description: 'How many were cancelled now.', resolve: ({ length }) => length }),
    isComplete: t.boolean({
      description: `Whether these are all that matched; false where the call stopped at ${maxCancelled.toLocaleString('en')}: repeat it.`,
      resolve: ({ length }) => length < maxCancelled,
    }),
  }),
});

builder.mutationFields((t) => ({
  cancelVideoTask: t.field({
    type: CancelVideoTaskPayload,
    nullable: true,
    description:
      'Cancels an order that was not sent yet: its task becomes CANCELLED, nothing is billed, and its budget is given back. Its idempotency key stays with it. Repeating the call changes nothing. TASK_STATE_CONFLICT once the order is being sent or was sent: the vendor offers no way to cancel one.',
    args: { id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }) },
    resolve: async (_, { id }, { orders, caller }) => ({ task: await orders.cancel(caller, id) }),
  }),

  cancelVideoTasks: t.field({
    type: CancelVideoTasksPayload,
    nullable: true,
    description: `Cancels the waiting orders that match, as \`cancelVideoTask\` does, the newest first, ${maxCancelled.toLocaleString('en')} at most. Tasks in other states are left as they are. Without \`clients\` in the filter only your own, with the scope \`admin\` too.`,
    args: {
      filter: t.arg({ type: VideoTaskFilter, required: true, description: 'Which orders: `{}` for all that wait.' }),
    },
    complexity: (args, { tasks }) => ({
      field: 1 + tasks.combinationsIn({ ...filterOf(args), statuses: ['WAITING'] }) * combinationWeight,
      multiplier: 1,
    }),
    resolve: async (_, args, { orders, caller }) => orders.cancelAll(caller, filterOf(args)),
  }),
}));
