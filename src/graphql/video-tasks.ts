import { resolveCursorConnection } from '@pothos/plugin-relay';
import { z } from 'zod';
import type { VideoTask as Task } from '../videos/task.ts';
import { findTask, listTasks, watchTask } from '../videos/tasks.ts';
import { builder } from './builder.ts';
import { maxPageSize, pageArguments, pageComplexity, taskCursor, withTrueCursors } from './paging.ts';
import { VideoModelName } from './video-model.ts';
import { VideoTask, VideoTaskStatus } from './video-task.ts';

/** Clients that one list can be about. */
const maxClients = 100;

const VideoTaskFilter = builder.inputType('VideoTaskFilter', {
  description: 'Which tasks to list: those that meet every given condition. What is left out or null is no condition.',
  fields: (t) => ({
    client: t.stringList({
      validate: z.array(z.string()).max(maxClients, `must be at most ${maxClients}`),
      description: 'Tasks of any of these clients; without the scope `admin`, only you have any.',
    }),
    status: t.field({ type: [VideoTaskStatus], description: 'Tasks in any of these states.' }),
    model: t.field({ type: [VideoModelName], description: 'Tasks ordered from any of these models.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Tasks created at or after this time.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Tasks created before this time.' }),
  }),
});

builder.queryFields((t) => ({
  videoTask: t.field({
    type: VideoTask,
    nullable: true,
    description: 'One task; null where there is none with this id, or it is not yours.',
    args: { id: t.arg.id({ required: true, description: "The task's id." }) },
    resolve: (_, { id }, { services, client }) => findTask(services, client, id),
  }),

  videoTasks: t.connection(
    {
      type: VideoTask,
      description: 'Your tasks, the newest first; with the scope `admin`, those of every client.',
      args: { filter: t.arg({ type: VideoTaskFilter, description: 'Which tasks; all where it is left out.' }) },
      complexity: pageComplexity,
      validate: pageArguments(taskCursor),
      resolve: async (_, args, { services, client }) => {
        const { client: clients, status, model, createdAfter, createdBefore } = args.filter ?? {};
        const filter = {
          clients: clients ?? undefined,
          statuses: status ?? undefined,
          models: model ?? undefined,
          createdAfter: createdAfter ?? undefined,
          createdBefore: createdBefore ?? undefined,
        };
        const connection = await resolveCursorConnection<Promise<Task[]>>(
          { args, maxSize: maxPageSize, toCursor: ({ id }) => id },
          // Newest first: what comes after a cursor is older.
          ({ before, after, limit, inverted }) =>
            listTasks(services, client, filter, { newerThan: before, olderThan: after, limit, inverted }),
        );
        return withTrueCursors(connection);
      },
    },
    { description: 'A page of tasks, the newest first.' },
    { description: 'A task in a list.' },
  ),
}));

builder.subscriptionField('videoTaskUpdated', (t) =>
  t.field({
    type: VideoTask,
    description:
      'A task as it is now, then again after each change. Ends by itself when the task has ended, which an UNCONFIRMED task has not, and when the service stops: watch again where the task has not ended. The error NOT_FOUND where there is no such task.',
    args: { id: t.arg.id({ required: true, description: "The task's id." }) },
    subscribe: (_, { id }, { services, client, subscriptions, request }) =>
      subscriptions.admit(client, watchTask(services, client, id, request.signal)),
    resolve: (task) => task,
  }),
);
