import type { Client } from './client.ts';
import { TaskStateError } from './errors.ts';
import type { ReferenceImage } from './reference-image.ts';
import { imageInputOf, imagesSchema } from './request.ts';
import { momentOf, type Services } from './services.ts';
import { type Submission, submitVideo } from './submit.ts';
import { isTerminal, type TaskChange, type VideoTask } from './task.ts';
import { findExisting, recordChange } from './tasks.ts';
import { afterAbandonment, afterConfirmation } from './transitions.ts';

/**
 * The owner has found the order of an UNCONFIRMED task with the vendor, as `upstreamId`: from now on it is followed.
 *
 * @throws TaskNotFoundError when there is no such task, or it is not the client's.
 * @throws TaskStateError when the task is not UNCONFIRMED, or another task has this upstream id.
 */
export async function confirmTask(
  services: Services,
  client: Client,
  id: string,
  upstreamId: string,
): Promise<VideoTask> {
  for (;;) {
    const task = await findExisting(services, client, id);
    // Said before, or at the same time by somebody else.
    if (task.upstreamId === upstreamId) return task;
    const change = afterConfirmation(task, upstreamId, momentOf(services));
    const owner = change && (await services.store.findByUpstreamId(upstreamId));
    if (owner && owner.id !== id)
      throw new TaskStateError(`The upstream's task ${upstreamId} already belongs to another task.`);
    const saved = await recordIfUnconfirmed(services, task, change);
    if (saved) return saved;
  }
}

/**
 * The owner of an UNCONFIRMED task does not wait for it any longer.
 *
 * @throws TaskNotFoundError when there is no such task, or it is not the client's.
 * @throws TaskStateError when the task is not UNCONFIRMED.
 */
export async function abandonTask(services: Services, client: Client, id: string): Promise<VideoTask> {
  for (;;) {
    const task = await findExisting(services, client, id);
    const saved = await recordIfUnconfirmed(services, task, afterAbandonment(task, momentOf(services)));
    if (saved) return saved;
  }
}

function recordIfUnconfirmed(
  services: Services,
  task: VideoTask,
  change: TaskChange | null,
): Promise<VideoTask | null> {
  if (change) return recordChange(services, task, change);
  throw new TaskStateError(`The task ${task.id} is ${task.status}, not UNCONFIRMED; nothing was changed.`);
}

/**
 * Orders again what an ended task had ordered, as a new task that is linked to it.
 *
 * @throws TaskNotFoundError when there is no such task, or it is not the client's.
 * @throws TaskStateError when the task has not ended, or was ordered with inline images, which are not kept, or with
 *   images that are not taken any more.
 * @throws what submitVideo throws.
 */
export async function resubmitVideo(
  services: Services,
  client: Client,
  id: string,
  idempotencyKey?: string,
): Promise<Submission> {
  const task = await findExisting(services, client, id);
  if (!isTerminal(task)) {
    throw new TaskStateError(`The task ${id} is ${task.status}; only a task that has ended can be ordered again.`);
  }
  const { model, prompt, durationSeconds, aspectRatio, resolution } = task;
  const images = imagesOf(task, await services.store.findReferenceImages(task.id));
  const request = { model, prompt, durationSeconds, aspectRatio, resolution, ...images };
  return submitVideo(services, client, { request, idempotencyKey, resubmissionOfId: task.id });
}

/** The images of a task, to be sent again: by the rules of today, as they may have been taken by others. */
function imagesOf({ id, model }: VideoTask, images: readonly ReferenceImage[]) {
  const sentImageUrls = images.map((image) => {
    if (image.kind === 'URL') return image.url;
    throw new TaskStateError(`The task ${id} had inline images, which are not kept: order it again with submitVideo.`);
  });
  const read = imagesSchema(model).safeParse(sentImageUrls.map(imageInputOf));
  if (read.success) return { imageUrls: read.data.map(({ url }) => url), sentImageUrls };
  throw new TaskStateError(`The task ${id} has images that are not taken any more: order it again with submitVideo.`);
}
