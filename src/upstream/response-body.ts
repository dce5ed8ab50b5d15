import { parsePart } from './partial-json.ts';
import { keepable, keepableText } from './storable-text.ts';

/** More than any true reply has; what goes beyond it is not read, because parsing it would hold up everything else. */
const maxBodyBytes = 512 * 1024;

/** As much of a reply's body as arrived. */
export interface Body {
  readonly text: string;
  /** The parsed body, undefined where it is broken. */
  readonly json: unknown;
  /** The parsed body, or as much of it as can be read; undefined where it is not JSON at all. */
  readonly part: unknown;
  /** What keeps the body from being used, in words. */
  readonly problem: string;
  /** Whether there is nothing more that it could have said about a task. */
  readonly whole: boolean;
}

/** Reads a body as far as it comes: a broken transfer leaves what arrived before it. */
export async function readBody(response: Response, signal: AbortSignal): Promise<Body> {
  const { text, problem } = await readText(response, signal);
  if (text.trim() === '') {
    return { text, json: undefined, part: undefined, problem: problem ?? 'it is empty', whole: problem === null };
  }
  if (problem === null) {
    try {
      const json = parse(text);
      return { text, json, part: json, problem: 'it is not about a video task', whole: true };
    } catch {}
  }
  const part = parsePart(text);
  // A text that does not begin as JSON is a page or a sentence, and names no task however long it is.
  return { text, json: undefined, part, problem: problem ?? 'it is not JSON', whole: part === undefined };
}

/** A larger text is not parsed with a reviver, which is called for each of its values and holds up everything else. */
const maxRevivedLength = 32 * 1024;

/** What in a text may need the reviver: escapes, and numbers beyond what JavaScript counts exactly. */
const needsReviver = /\\u|\d{16}|\de/i;

function parse(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  if (!needsReviver.test(text)) return plain;
  return text.length > maxRevivedLength ? (parsePart(text) ?? plain) : JSON.parse(text, keepable);
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
        problem = 'it is larger than 512 KiB';
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
