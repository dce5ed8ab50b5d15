import { resolveCursorConnection } from '@pothos/plugin-relay';
import { z } from 'zod';
import { modelNames } from '../catalogue/models.ts';
import { type VideoTask as Task, taskStatuses } from '../tasks/task.ts';
import type { TaskCount, TaskFilter } from '../tasks/task-filter.ts';
import { maxCount } from '../tasks/task-reader.ts';
import { builder } from './builder.ts';
import { maxPageSize, pageArguments, pageComplexity, taskCursor, withTrueCursors } from './paging.ts';
import { taskId, taskIdDescription } from './task-id.ts';
import { VideoModelName } from './video-model.ts';
import { VideoTask, VideoTaskStatus } from './video-task.ts';

const taskStatusNames = Object.keys(taskStatuses) as (keyof typeof taskStatuses)[];

/** How many clients a filter may name. */
const maxClients = 100;

/** The longest name of a client. */
const maxClientLength = 255;

const clientName = z
  .string()
  .max(maxClientLength, `must be at most ${maxClientLength} characters long`)
  // PostgreSQL accepts neither in a text.
  .refine((name) => !/[\0\p{Cs}]/u.test(name), 'must contain neither U+0000 nor one half of a surrogate pair alone');

/** A list with a bounded length. */
const atMost = (max: number, item: z.ZodType = z.unknown()) => z.array(item).max(max, `must be at most ${max}`);

/**
 * The complexity of each combination of a filter's values. Each is looked up by itself, which takes about as long as 20
 * fields.
 */
export const combinationWeight = 20;

export const VideoTaskFilter = builder.inputType('VideoTaskFilter', {
  description: `Selects the tasks that meet every given condition. A condition that is left out or null is met by all tasks, an empty list by none. Every combination of a client, a state and a model after the first adds ${combinationWeight} to the document's complexity; where only one of \`statuses\` and \`models\` is given, the other counts with all of its values.`,
  fields: (t) => ({
    clients: t.stringList({
      validate: atMost(maxClients, clientName),
      description: `Tasks of any of these clients, ${maxClients} at most; without the scope \`admin\` only your own tasks match.`,
    }),
    statuses: t.field({
      type: [VideoTaskStatus],
      validate: atMost(taskStatusNames.length),
      description: 'Tasks in any of these states.',
    }),
    models: t.field({
      type: [VideoModelName],
      validate: atMost(modelNames.length),
      description: 'Tasks ordered from any of these models.',
    }),
    ids: t.idList({
      validate: atMost(maxPageSize, taskId),
      description: `Tasks with any of these ids, ${maxPageSize} at most. With \`ids\`, the other conditions add nothing to the complexity.`,
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Tasks created at or after this time.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Tasks created before this time.' }),
  }),
});

/** Converts the input to the filter of the task reader. */
export function filterOf({ filter }: { filter?: typeof VideoTaskFilter.$inferInput | null | undefined }): TaskFilter {
  const { clients, statuses, models, ids, createdAfter, createdBefore } = filter ?? {};
  return {
    clients: clients ?? undefined,
    statuses: statuses ?? undefined,
    models: models ?? undefined,
    ids: ids ?? undefined,
    createdAfter: createdAfter ?? undefined,
    createdBefore: createdBefore ?? undefined,
  };
}

const VideoTaskCount = builder.objectRef<TaskCount>('VideoTaskCount').implement({
  description: 'How many tasks are in a state.',
  fields: (t) => ({
    status: t.expose('status', { type: VideoTaskStatus, description: 'The state.' }),
    count: t.exposeInt('count', {
      description: `How many tasks are in it, counted up to ${maxCount.toLocaleString('en')}.`,
    }),
    isExact: t.boolean({
      description: `Whether \`count\` is all of them; false where counting stopped at ${maxCount.toLocaleString('en')}.`,
      resolve: ({ count }) => count < maxCount,
    }),
  }),
});

builder.queryFields((t) => ({
  videoTask: t.field({
    type: VideoTask,
    nullable: true,
    description: 'One task; null where there is none with this id, or it is not yours.',
    args: { id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }) },
    resolve: (_, { id }, { tasks }) => tasks.find(id),
  }),

  videoTaskCounts: t.field({
    type: [VideoTaskCount],
    description:
      'How many of your tasks are in each state, 0 included; with the scope `admin`, the tasks of all clients. With `statuses` in the filter, only those states.',
    args: { filter: t.arg({ type: VideoTaskFilter, description: 'Which tasks to count; all where it is left out.' }) },
    complexity(args, { tasks }) {
      const filter = filterOf(args);
      const statuses = filter.statuses ?? taskStatusNames;
      return { field: 1 + tasks.combinationsIn({ ...filter, statuses }) * combinationWeight, multiplier: 1 };
    },
    resolve: (_, args, { tasks }) => tasks.count(filterOf(args)),
  }),

  videoTasks: t.connection(
    {
      type: VideoTask,
      description: 'Your tasks, the newest first; with the scope `admin`, the tasks of all clients.',
      args: { filter: t.arg({ type: VideoTaskFilter, description: 'Which tasks; all where it is left out.' }) },
      complexity(args, { tasks }) {
        const { field, multiplier } = pageComplexity(args);
        const more = Math.max(tasks.combinationsIn(filterOf(args)) - 1, 0);
        return { field: field + more * combinationWeight, multiplier };
      },
      validate: pageArguments(taskCursor),
      resolve: async (_, args, { tasks }) => {
        const connection = await resolveCursorConnection<Promise<Task[]>>(
          { args, maxSize: maxPageSize, toCursor: ({ id }) => id },
          // The list is newest first, so the items after a cursor are older.
          ({ before, after, limit, inverted }) =>
            tasks.list(filterOf(args), { newerThan: before, olderThan: after, limit, inverted }),
        );
        return withTrueCursors(connection);
      },
    },
    { name: 'VideoTaskConnection', description: 'A page of tasks, the newest first.' },
    { name: 'VideoTaskEdge', description: 'A task in a list.' },
  ),
}));

builder.subscriptionField('videoTaskUpdated', (t) =>
  t.field({
    type: VideoTask,
    description:
      'Sends a task as it is now, then again after each change. The subscription ends when the task has ended (UNCONFIRMED is not an end) and when the service stops: subscribe again unless the task has ended. NOT_FOUND where there is no such task.',
    args: { id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }) },
    subscribe: (_, { id }, { tasks, caller, subscriptions, request }) =>
      subscriptions.admit(caller, tasks.watch(id, request.signal)),
    resolve: (task) => task,
  }),
);
