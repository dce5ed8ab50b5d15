import { request } from 'node:http';
import type { LoadOrder, Seen } from './measure.ts';
import { type LoadRequest, requestOf } from './requests.ts';

/** How long a first event is waited for. */
const patienceMs = 5_000;

/**
 * Subscribes over and over, each time on a connection of its own, as a page does that is opened; the time runs from the
 * call to the first event, after which the subscriber leaves. Autocannon waits for the end of an answer, so this
 * is done by hand.
 */
export async function watch(order: LoadOrder, seconds: number): Promise<Seen> {
  const end = performance.now() + seconds * 1_000;
  const times: number[] = [];
  let wrong = 0;
  const started = performance.now();
  async function subscribeInTurn(): Promise<void> {
    for (let index = 0; performance.now() < end; index++) {
      const before = performance.now();
      const seen = await firstEvent(order.url, requestOf('watch', order.protocol, order.seed, index)).catch(
        () => false,
      );
      if (seen) times.push(performance.now() - before);
      else wrong += 1;
    }
  }
  await Promise.all(Array.from({ length: order.connections }, subscribeInTurn));
  const took = (performance.now() - started) / 1_000;
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor((times.length - 1) * part)] ?? Number.NaN;
  return { perSecond: times.length / took, p50Ms: at(0.5), p99Ms: at(0.99), answers: times.length, wrong };
}

/** Whether the first event is a task. */
function firstEvent(url: string, { method, path, headers, body }: LoadRequest): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patienceMs);
    const sent = request(new URL(path, url), { method, headers, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        // An event ends with an empty line.
        if (!/^event: next\ndata: .*\n\n/m.test(text)) return;
        resolve(text.includes('"id":"0'));
        sent.destroy();
      });
      response.once('end', () => resolve(false));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
