import type { VideoRequest } from '../videos/request.ts';
import { type Submission, submitVideo } from '../videos/submit.ts';
import { builder } from './builder.ts';
import { idempotencyKey, idempotencyKeyDescription, idempotencyKeyOf } from './idempotency-key.ts';
import { SubmitVideoInput } from './submit-video-input.ts';
import { VideoTask } from './video-task.ts';

/** Marks a field that spends money: a document may have one of them. */
export const paying = { paying: true };

export const SubmitVideoPayload = builder.objectRef<Submission>('SubmitVideoPayload').implement({
  description: 'What became of the order.',
  fields: (t) => ({
    task: t.expose('task', {
      type: VideoTask,
      description:
        'The task as it stands after the upstream was called: QUEUED, FAILED or UNCONFIRMED. A replayed one is in whatever state it has come to, SUBMITTING if its order is still being sent after all this time.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description: 'Whether the idempotency key had been used for this order before, so that nothing was ordered now.',
    }),
  }),
});

builder.mutationField('submitVideo', (t) =>
  t.field({
    type: SubmitVideoPayload,
    extensions: paying,
    description:
      'Orders a video. This spends money: each call orders once, a document holds one such field at most, and an order whose answer is lost is never sent again. With an `idempotencyKey` you can send it again yourself. A valid order always yields a task; what went wrong with the upstream stands in its `failure`.',
    args: {
      input: t.arg({ type: SubmitVideoInput, required: true, description: 'The video to order.' }),
      idempotencyKey: t.arg.string({ description: idempotencyKeyDescription, validate: idempotencyKey }),
    },
    resolve: (_, args, context) =>
      submitVideo(context.services, context.client, {
        request: requestIn(args.input),
        idempotencyKey: idempotencyKeyOf(args.idempotencyKey, context),
      }),
  }),
);

/** The one model's order in the input. `@oneOf` sees to the one, the validation has made it a VideoRequest. */
export function requestIn(input: object): VideoRequest {
  return Object.values(input).find((order) => order !== null && order !== undefined);
}
