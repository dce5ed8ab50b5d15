import type { Logger } from 'pino';
import { z } from 'zod';
import type { Submission } from '../orders/order.ts';
import { builder } from './builder.ts';
import { enumOfTable } from './enums.ts';
import { idempotencyKey, idempotencyKeyDescription, refuseIdempotencyHeader } from './idempotency-key.ts';
import { orderOptionsDescription, orderOptionsOf, VideoOrderOptions } from './order-options.ts';
import { paying, rememberTasks } from './paying.ts';
import { type ErrorCode, errorCodes, publicError } from './public-error.ts';
import { requestIn, SubmitVideoPayload } from './submit-video.ts';
import { SubmitVideoInput } from './submit-video-input.ts';

const maxOrders = 20;

const SubmitVideoOrder = builder.inputType('SubmitVideoOrder', {
  description: 'One order of a batch.',
  fields: (t) => ({
    input: t.field({ type: SubmitVideoInput, required: true, description: 'The video to order.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription, validate: idempotencyKey }),
    options: t.field({ type: VideoOrderOptions, description: orderOptionsDescription }),
  }),
});

const VideoRequestErrorCode = enumOfTable(
  'VideoRequestErrorCode',
  'The kinds of error of a request: the values of `extensions.code` of GraphQL errors. A failure of the video itself is a `VideoFailureCode`.',
  errorCodes,
);

interface OutcomeError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly taskId: string | null;
  readonly retryAfterSeconds: number | null;
  readonly retryable: boolean;
}

const SubmitVideoError = builder.objectRef<OutcomeError>('SubmitVideoError').implement({
  description: 'Why one order of a batch yielded no task.',
  fields: (t) => ({
    code: t.expose('code', {
      type: VideoRequestErrorCode,
      description: 'The kind of error, for programs to decide by.',
    }),
    message: t.exposeString('message', { description: 'The error as a sentence for people.' }),
    taskId: t.exposeID('taskId', {
      nullable: true,
      description:
        'With ANSWER_NOT_SAVED, the id under which the task can be looked up; with IDEMPOTENCY_KEY_MISMATCH, the id of the task that the key stands for; null otherwise.',
    }),
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      nullable: true,
      description:
        "With RATE_LIMITED and QUOTA_EXCEEDED, after how many seconds to try again; null otherwise, and for an order that no day's budget is enough for.",
    }),
    retryable: t.exposeBoolean('retryable', {
      description: 'Whether the same order, sent again unchanged, may succeed.',
    }),
  }),
});

const SubmitVideoOutcome = builder.unionType('SubmitVideoOutcome', {
  description:
    'The outcome of one order of a batch: the payload of `submitVideo`, or the error because of which there is no task.',
  types: [SubmitVideoPayload, SubmitVideoError],
  resolveType: (outcome) => ('task' in outcome ? SubmitVideoPayload : SubmitVideoError),
});

/** The error of an order that yielded no task, as a client may see it. */
function outcomeErrorOf(reason: unknown, log: Logger): OutcomeError {
  const known = publicError(reason);
  if (!known) log.error({ err: reason }, 'an order of a batch failed');
  const details = (known?.extensions ?? {}) as Partial<OutcomeError>;
  return {
    code: details.code ?? 'INTERNAL_SERVER_ERROR',
    message: known?.message ?? 'Unexpected error.',
    taskId: details.taskId ?? null,
    retryAfterSeconds: details.retryAfterSeconds ?? null,
    retryable: details.retryable ?? false,
  };
}

const SubmitVideosPayload = builder.objectRef<PromiseSettledResult<Submission>[]>('SubmitVideosPayload').implement({
  description: 'The result of a batch.',
  fields: (t) => ({
    outcomes: t.field({
      type: [SubmitVideoOutcome],
      description: 'One outcome per order, in the order of `orders`. One order may succeed while another fails.',
      resolve: (outcomes, _, { log }) =>
        outcomes.map((outcome) =>
          outcome.status === 'fulfilled' ? outcome.value : outcomeErrorOf(outcome.reason, log),
        ),
    }),
  }),
});

builder.mutationField('submitVideos', (t) =>
  t.field({
    type: SubmitVideosPayload,
    nullable: true,
    extensions: paying,
    description: `Orders up to ${maxOrders} videos, a few at a time, each as \`submitVideo\` does. An order that is not valid refuses the whole batch before anything is ordered. Null only with an error beside it; an error below a task says in \`extensions.taskId\` which one was ordered.`,
    args: {
      orders: t.arg({
        type: [SubmitVideoOrder],
        required: true,
        description: `The videos to order: 1 to ${maxOrders}.`,
        validate: z
          .array(z.unknown())
          .min(1, 'must not be empty')
          .max(maxOrders, `must be at most ${maxOrders} orders`),
      }),
    },
    resolve: async (_, { orders: given }, context) => {
      refuseIdempotencyHeader(context);
      const orders = given.map((order) => ({
        request: requestIn(order.input),
        options: orderOptionsOf(order.options, context),
        idempotencyKey: order.idempotencyKey ?? undefined,
      }));
      return rememberTasks(context.request, await context.orders.submitAll(context.caller, orders));
    },
  }),
);
