import { keepable, keepableText } from './keepable.ts';
import { parsePart } from './partial-json.ts';

/** More than any true reply has; what goes beyond it is not read. */
const maxBodyBytes = 1024 * 1024;

/** As much of a reply's body as arrived. */
export interface Body {
  readonly text: string;
  /** The parsed body, undefined where it is broken. */
  readonly json: unknown;
  /** The parsed body, or as much of it as can be read; undefined where it is not JSON at all. */
  readonly part: unknown;
  /** What keeps the body from being used, in words. */
  readonly problem: string;
}

/** Reads a body as far as it comes: a broken transfer leaves what arrived before it. */
export async function readBody(response: Response, signal: AbortSignal): Promise<Body> {
  const { text, problem } = await readText(response, signal);
  if (text === '') return { text, json: undefined, part: undefined, problem: problem ?? 'it is empty' };
  if (problem !== null) return { text, json: undefined, part: parsePart(text), problem };
  try {
    const json: unknown = JSON.parse(text, keepable);
    return { text, json, part: json, problem: 'it is not about a video task' };
  } catch {
    return { text, json: undefined, part: parsePart(text), problem: 'it is not JSON' };
  }
}

async function readText(response: Response, signal: AbortSignal): Promise<{ text: string; problem: string | null }> {
  const reader = response.body?.getReader();
  // The signal is heeded here as well, because undici forgets that of a request once the request object has been
  // collected (nodejs/undici#4068).
  const cancel = () => void reader?.cancel().catch(() => {});
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  const decoder = new TextDecoder();
  let text = '';
  let sizeBytes = 0;
  let problem: string | null = null;
  try {
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      sizeBytes += read.value.byteLength;
      text += decoder.decode(read.value, { stream: true });
      if (sizeBytes > maxBodyBytes) {
        problem = 'it is larger than 1 MiB';
        break;
      }
    }
    signal.throwIfAborted();
  } catch {
    problem = 'it broke off';
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
  return { text: keepableText(text), problem };
}
