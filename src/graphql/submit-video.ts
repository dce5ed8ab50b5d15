import type { VideoRequest } from '../catalogue/video-request.ts';
import type { Submission } from '../orders/order.ts';
import { builder } from './builder.ts';
import { idempotencyKey, idempotencyKeyDescription, idempotencyKeyOf } from './idempotency-key.ts';
import { orderOptionsDescription, orderOptionsOf, VideoOrderOptions } from './order-options.ts';
import { paying, rememberTask } from './paying.ts';
import { SubmitVideoInput } from './submit-video-input.ts';
import { VideoTask } from './video-task.ts';

export const SubmitVideoPayload = builder.objectRef<Submission>('SubmitVideoPayload').implement({
  description: 'The result of an order.',
  fields: (t) => ({
    task: t.expose('task', {
      type: VideoTask,
      description:
        'The task as it stands after the upstream was called: QUEUED, FAILED or UNCONFIRMED; WAITING where the order could not be sent yet. A replayed task is in its present state, which is SUBMITTING while its order is still being sent.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description: 'Whether the idempotency key stood for this order already, so that nothing was ordered now.',
    }),
  }),
});

builder.mutationField('submitVideo', (t) =>
  t.field({
    type: SubmitVideoPayload,
    nullable: true,
    extensions: paying,
    description:
      'Orders a video. This spends money: each call orders once, the operation has no other root field, and an order whose answer is lost is never sent again. An order that the upstream provably did not take, because it takes none at the moment, waits and is sent later, unless `options` says otherwise. With an `idempotencyKey` you can send it again yourself. A valid order always yields a task; what went wrong with the upstream stands in its `failure`. Null only with an error beside it; an error below says in `extensions.taskId` which task was ordered.',
    args: {
      input: t.arg({ type: SubmitVideoInput, required: true, description: 'The video to order.' }),
      idempotencyKey: t.arg.string({ description: idempotencyKeyDescription, validate: idempotencyKey }),
      options: t.arg({ type: VideoOrderOptions, description: orderOptionsDescription }),
    },
    resolve: async (_, args, context) => {
      const submission = await context.orders.submit(context.caller, {
        request: requestIn(args.input),
        options: orderOptionsOf(args.options, context),
        idempotencyKey: idempotencyKeyOf(args.idempotencyKey, context),
      });
      return rememberTask(context.request, submission);
    },
  }),
);

/** The order in the input. `@oneOf` has ensured that there is one, and its validation has made it a VideoRequest. */
export function requestIn(input: object): VideoRequest {
  return Object.values(input).find((order) => order !== null && order !== undefined);
}
