import type { DescribedImage } from '../catalogue/reference-image.ts';
import { billingOf } from '../catalogue/video-request.ts';
import { later } from '../tasks/moment.ts';
import type { NewTask } from '../tasks/task-store.ts';
import type { Order, Orderer } from './order.ts';
import { orderHashOf } from './order-hash.ts';

/** What only becomes known when a task is written: its images, and whether its order is sent or waits. */
type Later =
  | 'referenceImages'
  | 'status'
  | 'leasedUntil'
  | 'nextCheckAt'
  | 'account'
  | 'sendAttempt'
  | 'turn'
  | 'waitsFor';

/** A task to be written. */
export type Draft = Omit<NewTask, Later>;

/** The task of an order that arrives now. An order that may wait does so for `maxWaitMs` where it does not say how long. */
export function draftOf(
  { client, limits }: Orderer,
  order: Order,
  images: readonly DescribedImage[],
  { now, maxWaitMs }: { readonly now: Date; readonly maxWaitMs: number },
): Draft {
  const { request, idempotencyKey, resubmissionOfId, options } = order;
  const { images: _, ...ordered } = request;
  const { unit, units } = billingOf(request);
  return {
    ...ordered,
    client,
    mode: images.length > 0 ? 'IMAGE_TO_VIDEO' : 'TEXT_TO_VIDEO',
    billingUnit: unit,
    billingUnits: units,
    createdAt: now,
    idempotencyKey: idempotencyKey ?? null,
    orderHash: idempotencyKey === undefined ? null : orderHashOf(order, images),
    resubmissionOfId: resubmissionOfId ?? null,
    whenBusy: options.whenBusy,
    startBefore: options.startBefore ?? (options.whenBusy === 'WAIT' ? later(now, maxWaitMs) : null),
    maxOpen: limits.maxOpen,
  };
}
