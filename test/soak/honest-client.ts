import { setTimeout as delay } from 'node:timers/promises';
import { promptOf } from '../faults/upstream.ts';
import { readDocument, submitDocument, watchDocument } from './requests.ts';

/** Longer than any answer takes on a machine that is busy with other things too. */
const patienceMs = 30_000;

interface Task {
  readonly id: string;
  readonly status: string;
  readonly prompt: string;
}

/** A client that does everything correctly, and expects correct answers. */
export class HonestClient {
  readonly #url: string;
  readonly #key: string;
  /** The markers of the orders that it was told are accepted. */
  readonly ordered: string[] = [];
  readonly problems: string[] = [];
  /** How many answers it got, of each kind. */
  readonly answered = { reads: 0, orders: 0, events: 0 };

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** Reads, orders and watches until it is told to stop. */
  async work(stopping: AbortSignal): Promise<void> {
    const task = await this.order('honest~first');
    await Promise.all([
      this.#repeat(stopping, 10, async () => this.#read(task)),
      this.#repeat(stopping, 100, async (turn) => this.#watch(await this.order(`honest~${turn}`))),
    ]);
  }

  async #repeat(stopping: AbortSignal, pauseMs: number, act: (turn: number) => Promise<void>): Promise<void> {
    for (let turn = 0; !stopping.aborted; turn++) {
      await act(turn).catch((error: Error) => this.problems.push(`${error.message} ${error.cause ?? ''}`));
      await delay(pauseMs);
    }
  }

  async order(marker: string): Promise<Task> {
    const prompt = promptOf(marker);
    const variables = { input: { grokVideo3: { prompt } }, key: marker.slice(0, 100) };
    const { data } = JSON.parse(await this.#ask(submitDocument, variables));
    const { task, replayed } = data.submitVideo as { task: Task; replayed: boolean };
    if (replayed || task.prompt !== prompt)
      throw new Error(`order ${marker} was answered with ${JSON.stringify(data)}`);
    this.ordered.push(marker);
    this.answered.orders += 1;
    return task;
  }

  async #read({ id, prompt }: Task): Promise<void> {
    const text = await this.#ask(readDocument, { id });
    const task = JSON.parse(text).data?.videoTask as Task | undefined;
    if (task?.id !== id || task.prompt !== prompt) throw new Error(`a read was answered with ${text}`);
    this.answered.reads += 1;
  }

  async #watch({ id }: Task): Promise<void> {
    const text = await this.#ask(watchDocument, { id }, 'text/event-stream');
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(
      ([, data = '']) => JSON.parse(data).data?.videoTaskUpdated,
    );
    if (!text.endsWith('event: complete\ndata:\n\n') || events.some((event) => event?.id !== id)) {
      throw new Error(`a subscription was answered with ${text}`);
    }
    if (events.at(-1)?.status !== 'COMPLETED') throw new Error(`a subscription ended with ${text}`);
    this.answered.events += events.length;
  }

  async #ask(query: string, variables: object, accept = 'application/json'): Promise<string> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${this.#key}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
    return text;
  }
}
