import type { VideoTask as Task } from '../tasks/task.ts';
import { builder } from './builder.ts';
import { taskId, taskIdDescription } from './task-id.ts';
import { VideoTask } from './video-task.ts';

const DeleteVideoFilePayload = builder.objectRef<{ task: Task }>('DeleteVideoFilePayload').implement({
  description: 'The result of deleting a stored video.',
  fields: (t) => ({ task: t.expose('task', { type: VideoTask, description: 'The task as it stands now.' }) }),
});

builder.mutationField('deleteVideoFile', (t) =>
  t.field({
    type: DeleteVideoFilePayload,
    nullable: true,
    description:
      'Deletes the stored video of a task, or calls off its storing; the task itself stays. Links to the file stop working at once. Repeating the call changes nothing. TASK_STATE_CONFLICT where nothing is stored or to be stored.',
    args: { taskId: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }) },
    resolve: async (_, args, { media, tasks }) => ({ task: await media.deleteVideo(tasks, args.taskId) }),
  }),
);
