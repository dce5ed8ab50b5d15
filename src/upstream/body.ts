/** More than any true reply has; what goes beyond it is not read. */
const maxBodyBytes = 1024 * 1024;

/** As much of a reply's body as arrived. */
export interface Body {
  readonly text: string;
  /** The parsed body, undefined where it is broken. */
  readonly json: unknown;
  /** What keeps the body from being used, in words. */
  readonly problem: string;
  readonly cause?: unknown;
}

/** Reads a body as far as it comes: a broken transfer leaves what arrived before it. */
export async function readBody(response: Response): Promise<Body> {
  const decoder = new TextDecoder();
  let text = '';
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.byteLength;
      text += decoder.decode(chunk, { stream: true });
      // Leaving the loop cancels the transfer.
      if (sizeBytes > maxBodyBytes) return { text, json: undefined, problem: 'it is larger than 1 MiB' };
    }
  } catch (cause) {
    return { text, json: undefined, problem: 'it broke off', cause };
  }
  // PostgreSQL has no way to keep U+0000, however it was written.
  text = text.replace(/\0|\\u0000/g, '');
  if (text === '') return { text, json: undefined, problem: 'it is empty' };
  try {
    return { text, json: JSON.parse(text), problem: 'it is not about a video task' };
  } catch (cause) {
    return { text, json: undefined, problem: 'it is not JSON', cause };
  }
}
