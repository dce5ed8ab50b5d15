import type { ReferenceImage } from '../catalogue/reference-image.ts';
import { imageInputOf, imagesSchema, type VideoRequest } from '../catalogue/video-request.ts';
import { TaskStateError } from '../errors.ts';
import { isTerminal, type VideoTask } from '../tasks/task.ts';

/**
 * The request of an ended task, to be ordered again.
 *
 * @throws TaskStateError when the task has not ended, had inline images, which are not stored, or has images that
 *   today's rules refuse.
 */
export function repeatedRequestOf(task: VideoTask, images: readonly ReferenceImage[]): VideoRequest {
  if (!isTerminal(task)) {
    throw new TaskStateError(`The task ${task.id} is ${task.status}; only a task that has ended can be ordered again.`);
  }
  const { model, prompt, durationSeconds, aspectRatio, resolution } = task;
  return { model, prompt, durationSeconds, aspectRatio, resolution, ...repeatedImagesOf(task, images) };
}

/** The images of a task, checked again: an older version may have accepted them by other rules. */
function repeatedImagesOf({ id, model }: VideoTask, images: readonly ReferenceImage[]) {
  const sentImageUrls = images.map((image) => {
    if (image.kind === 'URL') return image.url;
    throw new TaskStateError(`The task ${id} had inline images, which are not kept: order it again with submitVideo.`);
  });
  const read = imagesSchema(model).safeParse(sentImageUrls.map(imageInputOf));
  if (read.success) return { imageUrls: read.data.map(({ url }) => url), sentImageUrls };
  throw new TaskStateError(`The task ${id} has images that are not taken any more: order it again with submitVideo.`);
}
