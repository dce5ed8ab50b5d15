import { imageLimitOf } from '../catalogue/models.ts';
import type { OrderedImage, ReferenceImage } from '../catalogue/reference-image.ts';
import { imageInputOf, imagesSchema, type VideoRequest } from '../catalogue/video-request.ts';
import { TaskStateError, UploadStateError } from '../errors.ts';
import { isTerminal, type VideoTask } from '../tasks/task.ts';

/**
 * The request of an ended task, to be ordered again. Whether its images are still kept is found out when it is placed,
 * because a duplicate request does not need them.
 *
 * @throws TaskStateError when the task has not ended, or has images that today's rules refuse.
 */
export function repeatedRequestOf(task: VideoTask, images: readonly ReferenceImage[]): VideoRequest {
  if (!isTerminal(task)) {
    throw new TaskStateError(`The task ${task.id} is ${task.status}; only a task that has ended can be ordered again.`);
  }
  const { model, prompt, durationSeconds, aspectRatio, resolution } = task;
  if (images.length > imageLimitOf(model).max) throw notTaken(task);
  const again = images.map((image) => orderedImageOf(task, image));
  return { model, prompt, durationSeconds, aspectRatio, resolution, images: again };
}

/**
 * A reference image of a task, as it is ordered.
 *
 * @throws TaskStateError when today's rules refuse it.
 */
export function orderedImageOf(task: VideoTask, image: ReferenceImage): OrderedImage {
  if (image.kind === 'UPLOAD') return { kind: 'UPLOAD', uploadId: image.uploadId };
  if (image.kind === 'INLINE') return { ...image, kind: 'KEPT_INLINE', client: task.client };
  // Checked again, because an older version may have accepted it by other rules.
  const [read] = imagesSchema(task.model).safeParse([imageInputOf(image.url)]).data ?? [];
  if (read) return read;
  throw notTaken(task);
}

const notTaken = ({ id }: VideoTask) =>
  new TaskStateError(`The task ${id} has images that are not taken any more: order it again with submitVideo.`);

/** Puts the error of an image that is not kept any more into the words of its task; throws all others as they are. */
export const sayWhatIsNotKept =
  ({ id }: VideoTask) =>
  (error: unknown): never => {
    if (!(error instanceof UploadStateError)) throw error;
    throw new TaskStateError(
      `The task ${id} had uploaded or inline images that are not kept: order it again with submitVideo.`,
    );
  };
