/** So that a name is a valid path and a valid S3 key together with the folder or the prefix before it. */
const maxLength = 200;

const name = /^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/;

/** Whether a name may be that of a file. None leads out of the folder, because none contains a dot. */
export const isFileName = (text: string): boolean => text.length <= maxLength && name.test(text);

/**
 * Returns the name of a file as it is.
 *
 * @throws TypeError for any other text, because only code of this service makes names.
 */
export function fileName(text: string): string {
  if (!isFileName(text)) throw new TypeError(`${JSON.stringify(text.slice(0, maxLength))} is not the name of a file`);
  return text;
}

/** The same for the beginning of names: the empty one too, or one that ends with a slash. */
export function namePrefix(text: string): string {
  return text === '' ? text : fileName(text.replace(/\/$/, '')) && text;
}
