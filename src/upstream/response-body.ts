import { parsePart } from './partial-json.ts';
import { keepable, keepableText } from './storable-text.ts';

/** The most bytes of a reply that are read. Parsing a longer one would block all other requests. */
const maxBodyBytes = 512 * 1024;

/** The part of a reply's body that arrived. */
export interface Body {
  readonly text: string;
  /** The parsed body; undefined where it is not whole or not JSON. */
  readonly json: unknown;
  /** The parsed body, or the part of it that can be read; undefined where it is not JSON. */
  readonly part: unknown;
  /** Why the body cannot be used, as part of a sentence. */
  readonly problem: string;
  /** Whether nothing is missing that could have named a task. */
  readonly whole: boolean;
}

/** Reads a body until it ends or breaks off; what arrived before that is kept. */
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
  // A text that does not begin as JSON is a page or a sentence and cannot name a task, so nothing of interest is
  // missing.
  return { text, json: undefined, part, problem: problem ?? 'it is not JSON', whole: part === undefined };
}

/**
 * A longer text is not parsed with a reviver, because the reviver runs for each value and would block all other
 * requests.
 */
const maxRevivedLength = 32 * 1024;

/** What only the reviver handles: escapes, and numbers that JavaScript cannot represent exactly. */
const needsReviver = /\\u|\d{16}|\de/i;

function parse(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  if (!needsReviver.test(text)) return plain;
  return text.length > maxRevivedLength ? (parsePart(text) ?? plain) : JSON.parse(text, keepable);
}

async function readText(response: Response, signal: AbortSignal): Promise<{ text: string; problem: string | null }> {
  const reader = response.body?.getReader();
  // The signal is also obeyed here, because undici loses the signal of a request once the request object has been
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
