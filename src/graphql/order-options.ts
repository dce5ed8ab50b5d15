import type { OrderOptions } from '../orders/order.ts';
import { hourMs } from '../tasks/check-schedule.ts';
import { maxWaitHours, whenBusyChoices } from '../tasks/wait-reasons.ts';
import { builder, type Context } from './builder.ts';
import { enumOfTable } from './enums.ts';
import { invalidInput } from './public-error.ts';

const VideoWhenBusy = enumOfTable(
  'VideoWhenBusy',
  'What happens to an order that cannot be sent at once, as while the upstream takes no more orders.',
  whenBusyChoices,
);

export const VideoOrderOptions = builder.inputType('VideoOrderOptions', {
  description:
    'What is not about the video itself. An idempotency key does not cover it: a replay keeps the options of the first order.',
  fields: (t) => ({
    whenBusy: t.field({
      type: VideoWhenBusy,
      defaultValue: 'WAIT',
      description: 'What happens where the order cannot be sent at once. `WAIT` where it is left out or null.',
    }),
    startBefore: t.field({
      type: 'DateTime',
      description: `The order is not sent at or after this time, ${maxWaitHours} hours from now at most: it ends as FAILED with WAIT_EXPIRED, nothing is billed, and its key is free again. Where it is left out or null, an order waits for 24 hours (\`MAX_WAIT_HOURS\`).`,
    }),
  }),
});

/** The description of the argument and the input field that take the options. */
export const orderOptionsDescription = 'How the order is sent; each option has its default where this is left out.';

/** The options of an order, with their defaults. */
export function orderOptionsOf(
  given: typeof VideoOrderOptions.$inferInput | null | undefined,
  { now }: Pick<Context, 'now'>,
): OrderOptions {
  const startBefore = given?.startBefore ?? null;
  if (startBefore !== null && startBefore.getTime() - now().getTime() > maxWaitHours * hourMs)
    throw invalidInput([{ path: ['options', 'startBefore'], message: `must be within ${maxWaitHours} hours` }]);
  // Times that have long been over are one, because not every database has the year 0.
  const stored = startBefore && new Date(Math.max(startBefore.getTime(), 0));
  return { whenBusy: given?.whenBusy ?? 'WAIT', startBefore: stored };
}
