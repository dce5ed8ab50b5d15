/** The types of images that can be uploaded, by their names in the contract. */
export const imageTypes = {
  PNG: { contentType: 'image/png', extension: 'png' },
  JPEG: { contentType: 'image/jpeg', extension: 'jpg' },
  WEBP: { contentType: 'image/webp', extension: 'webp' },
} as const;

export type ImageType = keyof typeof imageTypes;

/** The name of an image's file in links; null for a type that cannot be uploaded. */
export function linkNameOf({ id, contentType }: { readonly id: string; readonly contentType: string }): string | null {
  const type = Object.values(imageTypes).find((row) => row.contentType === contentType);
  return type ? `${id}.${type.extension}` : null;
}
