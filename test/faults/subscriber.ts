import type { Instance } from './service.ts';

export interface Subscriber {
  /** The statuses it was shown, each with the time. */
  readonly seen: readonly { readonly status: string; readonly at: number }[];
  /** Resolves when the stream has ended: whether the server said `complete` before. */
  readonly ended: Promise<boolean>;
}

const watchDocument = /* GraphQL */ `subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }`;

/** Watches a task over server-sent events. */
export async function subscribe({ url }: Instance, id: string): Promise<Subscriber> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: watchDocument, variables: { id } }),
  });
  const seen: { status: string; at: number }[] = [];

  async function read(): Promise<boolean> {
    let text = '';
    let shown = 0;
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString();
        const statuses = [...text.matchAll(/"status":"(\w+)"/g)].map(([, status = '']) => status);
        for (const status of statuses.slice(shown)) seen.push({ status, at: Date.now() });
        shown = statuses.length;
      }
    } catch {
      // The connection broke; the events until then tell whether the stream was complete.
    }
    return /^event: complete$/m.test(text);
  }

  return { seen, ended: read() };
}
