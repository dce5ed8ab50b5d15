/** More than any true reply has; what goes beyond it is not read. */
const maxBodyBytes = 1024 * 1024;

/** As much of a reply's body as arrived. */
export interface Body {
  readonly text: string;
  /** The parsed body, undefined where it is broken. */
  readonly json: unknown;
  /** What keeps the body from being used, in words. */
  readonly problem: string;
}

/** Reads a body as far as it comes: a broken transfer leaves what arrived before it. */
export async function readBody(response: Response, signal: AbortSignal): Promise<Body> {
  const { text, problem } = await readText(response, signal);
  const broken = { text, json: undefined };
  if (problem !== null) return { ...broken, problem };
  if (text === '') return { ...broken, problem: 'it is empty' };
  try {
    return { text, json: JSON.parse(text, keepable), problem: 'it is not about a video task' };
  } catch {
    return { ...broken, problem: 'it is not JSON' };
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

/** PostgreSQL has no way to keep U+0000 and halves of surrogate pairs. */
const keepableText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** The same for what was written with escapes. An id beyond what JavaScript counts exactly stays the digits it was. */
function keepable(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === 'string') return keepableText(value);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? context?.source : value;
}
