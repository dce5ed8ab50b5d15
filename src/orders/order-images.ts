import type { ModelName } from '../catalogue/models.ts';
import {
  checkRecordSize,
  type DescribedImage,
  type ImageFacts,
  type KeptImage,
  type ReferenceImage,
} from '../catalogue/reference-image.ts';
import type { Viewer } from '../tasks/task-reader.ts';

/** An image that is kept, as an order uses it. */
export interface FoundImage {
  /** What is stored of it with the task. */
  readonly facts: ReferenceImage;
  /**
   * The image as it is sent to the upstream: a URL, or a data URI.
   *
   * @throws StorageUnavailableError when the store cannot be read at the moment.
   * @throws UploadStateError when the store has lost the image.
   */
  url(): Promise<string>;
}

/** An inline image with its facts. */
export type InlineImage = ImageFacts & { readonly dataUri: string };

/** PORT: the images that the service keeps. */
export interface OrderImages {
  /**
   * Finds the images that an order to a model uses, in their order, and keeps them for as long as its task may need them.
   *
   * @throws UploadStateError when one does not exist for the viewer, has not arrived, or is not kept any more.
   * @throws NotConfiguredError when the upstream could not fetch them from this service.
   * @throws LimitExceededError when they are too large to be sent together.
   * @throws DatabaseUnavailableError
   */
  find(viewer: Viewer, model: ModelName, images: readonly KeptImage[]): Promise<readonly FoundImage[]>;
  /**
   * Keeps inline images of an order, so that it can be sent later or ordered again. False where not all of them are kept;
   * it never rejects.
   */
  keep(client: string, images: readonly InlineImage[]): Promise<boolean>;
}

/** The images of an order, ready to be written and sent. */
export interface PreparedImages {
  readonly referenceImages: readonly ReferenceImage[];
  urls(): Promise<readonly string[]>;
}

/**
 * Finds the images of an order that are kept.
 *
 * @throws LimitExceededError when the facts to store about its images take too many bytes.
 * @throws what `OrderImages.find` throws.
 */
export async function prepareImages(
  kept: OrderImages,
  viewer: Viewer,
  model: ModelName,
  images: readonly DescribedImage[],
): Promise<PreparedImages> {
  const sought = images.filter((image) => image.kind !== 'GIVEN');
  const found = sought.length > 0 ? await kept.find(viewer, model, sought) : [];
  const foundOf = new Map(sought.map((image, index) => [image as DescribedImage, found[index]]));
  const prepared = images.map((image): FoundImage => {
    if (image.kind === 'GIVEN') return { facts: image.facts, url: async () => image.url };
    const one = foundOf.get(image);
    if (!one) throw new Error('An image of the order was neither found nor refused.');
    return one;
  });
  const referenceImages = prepared.map(({ facts }) => facts);
  checkRecordSize(referenceImages);
  return {
    referenceImages,
    // One after another, so that few of them are read at the same time.
    async urls() {
      const urls: string[] = [];
      for (const image of prepared) urls.push(await image.url());
      return urls;
    },
  };
}

/** The inline images of an order, each once. */
export function inlineImagesIn(images: readonly DescribedImage[]): readonly InlineImage[] {
  const inline = images.flatMap((image) =>
    image.kind === 'GIVEN' && image.facts.kind === 'INLINE' ? [{ ...image.facts, dataUri: image.url }] : [],
  );
  return [...new Map(inline.map((image) => [image.sha256, image])).values()];
}
