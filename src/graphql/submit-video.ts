import type { VideoRequest } from '../videos/request.ts';
import type { VideoTask as Task } from '../videos/task.ts';
import { submitVideo } from '../videos/tasks.ts';
import { builder } from './builder.ts';
import { SubmitVideoInput } from './submit-video-input.ts';
import { VideoTask } from './video-task.ts';

const SubmitVideoPayload = builder.objectRef<{ task: Task }>('SubmitVideoPayload').implement({
  description: 'What became of the order.',
  fields: (t) => ({
    task: t.expose('task', {
      type: VideoTask,
      description: 'The task as it stands after the upstream was called: QUEUED, FAILED or UNCONFIRMED.',
    }),
  }),
});

builder.mutationField('submitVideo', (t) =>
  t.field({
    type: SubmitVideoPayload,
    description:
      'Orders a video. This spends money: each call orders once, and an order whose answer is lost is never sent again. A valid order always yields a task; what went wrong with the upstream stands in its `failure`.',
    args: { input: t.arg({ type: SubmitVideoInput, required: true, description: 'The video to order.' }) },
    resolve: async (_, { input }, { services }) => ({ task: await submitVideo(services, chosen(input)) }),
  }),
);

/** The one model's order in the input. `@oneOf` sees to the one, the validation has made it a VideoRequest. */
function chosen(input: object): VideoRequest {
  return Object.values(input).find((order) => order !== null && order !== undefined);
}
