import { z } from 'zod';
import type { VideoTask as Task } from '../tasks/task.ts';
import { builder } from './builder.ts';
import { idempotencyKey, idempotencyKeyDescription, idempotencyKeyOf } from './idempotency-key.ts';
import { orderOptionsDescription, orderOptionsOf, VideoOrderOptions } from './order-options.ts';
import { paying, rememberTask } from './paying.ts';
import { SubmitVideoPayload } from './submit-video.ts';
import { taskId, taskIdDescription } from './task-id.ts';
import { VideoTask } from './video-task.ts';

/** A payload that holds the task. */
export const taskPayload = (name: string, description: string) =>
  builder.objectRef<{ task: Task }>(name).implement({
    description,
    fields: (t) => ({ task: t.expose('task', { type: VideoTask, description: 'The task as it stands now.' }) }),
  });

const ConfirmVideoTaskPayload = taskPayload('ConfirmVideoTaskPayload', 'The result of a confirmation.');
const AbandonVideoTaskPayload = taskPayload('AbandonVideoTaskPayload', 'The result of giving a task up.');

/** The id becomes a segment of a URL and a value in every kind of database. */
const upstreamIdForm = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(255, 'must be at most 255 characters long')
  .refine((id) => !/^\.{1,2}$|\p{Cc}|\p{Cs}/u.test(id), 'must not be . or .., nor contain control characters');

builder.mutationFields((t) => ({
  confirmVideoTask: t.field({
    type: ConfirmVideoTaskPayload,
    nullable: true,
    // Only for admins, because confirming an upstream id gives access to its video, even if another client ordered it.
    authScopes: { admin: true },
    description:
      "Records that the order of an UNCONFIRMED task was found in the vendor's console: the task becomes QUEUED and is followed from then on. Takes the scope `admin`, because only the operator can look into that console. Repeating the call changes nothing. TASK_STATE_CONFLICT where the task is in another state or the upstream's id is another task's.",
    args: {
      id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }),
      upstreamId: t.arg.string({
        required: true,
        description: "The upstream's id of the task, 1 to 255 characters after trimming.",
        validate: upstreamIdForm,
      }),
    },
    resolve: async (_, { id, upstreamId }, { orders, caller }) => ({
      task: await orders.confirm(caller, id, upstreamId),
    }),
  }),

  abandonVideoTask: t.field({
    type: AbandonVideoTaskPayload,
    nullable: true,
    description:
      'Gives an UNCONFIRMED task up: it ends as FAILED with SUBMISSION_UNCONFIRMED and may still be billed. TASK_STATE_CONFLICT where the task is in another state.',
    args: { id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }) },
    resolve: async (_, { id }, { orders, caller }) => ({ task: await orders.abandon(caller, id) }),
  }),

  resubmitVideo: t.field({
    type: SubmitVideoPayload,
    nullable: true,
    extensions: paying,
    description:
      'Orders the video of a task again, as a new task. This spends money. The new task is linked to the old one or, where an attempt under the same idempotency key has failed for free, to that attempt. The task must have ended; an UNCONFIRMED one is confirmed or abandoned first. TASK_STATE_CONFLICT otherwise, and for a task with uploaded or inline images that are not kept: where the service stores files and has room for them, they are for at least 72 hours after an order.',
    args: {
      id: t.arg.id({ required: true, description: taskIdDescription, validate: taskId }),
      idempotencyKey: t.arg.string({ description: idempotencyKeyDescription, validate: idempotencyKey }),
      options: t.arg({ type: VideoOrderOptions, description: orderOptionsDescription }),
    },
    resolve: async (_, args, context) => {
      const { orders, caller, request } = context;
      const idempotencyKey = idempotencyKeyOf(args.idempotencyKey, context);
      const options = orderOptionsOf(args.options, context);
      return rememberTask(request, await orders.resubmit(caller, args.id, { options, idempotencyKey }));
    },
  }),
}));
