import type { Instance } from './service.ts';
import { promptOf } from './upstream.ts';

/** What is said of an order beside the video. */
export interface OrderOptions {
  readonly whenBusy?: 'WAIT' | 'FAIL';
  readonly startBefore?: string;
}

/** An order as the client knows it. */
export interface ClientOrder {
  readonly key: string | null;
  /** What tells this order from every other, those under the same key too. */
  readonly marker: string;
  /** Without, it waits where it has to. */
  readonly options?: OrderOptions;
}

/** A task as an answer showed it. */
export interface SeenTask {
  readonly id: string;
  readonly status: string;
  readonly upstreamId: string | null;
  readonly prompt: string;
  readonly failure: { readonly code: string } | null;
}

/** One order that was sent to one process, and what came back. */
export interface Sent {
  readonly order: ClientOrder;
  readonly process: string;
  /** `lost` where no answer came, `pending` while one may still come. */
  outcome: 'pending' | 'lost' | { task: SeenTask; replayed: boolean } | { code: string };
}

interface SubmitAnswer {
  readonly task?: SeenTask;
  readonly replayed?: boolean;
  /** Of an order of a batch that yielded no task. */
  readonly code?: string;
}

interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

const taskFields = 'id status upstreamId prompt failure { code message } video { url }';

const submitDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!, $key: String, $options: VideoOrderOptions) {
    submitVideo(input: $input, idempotencyKey: $key, options: $options) { replayed task { ${taskFields} } }
  }
`;

const batchDocument = /* GraphQL */ `
  mutation ($orders: [SubmitVideoOrder!]!) {
    submitVideos(orders: $orders) {
      outcomes {
        ... on SubmitVideoPayload { replayed task { ${taskFields} } }
        ... on SubmitVideoError { code message }
      }
    }
  }
`;

const listDocument = /* GraphQL */ `
  query ($statuses: [VideoTaskStatus!]) {
    videoTasks(last: 20, filter: { statuses: $statuses }) { edges { node { ${taskFields} } } }
  }
`;

const confirmDocument = /* GraphQL */ `
  mutation ($id: ID!, $upstreamId: String!) { resolved: confirmVideoTask(id: $id, upstreamId: $upstreamId) { task { ${taskFields} } } }
`;

const abandonDocument = /* GraphQL */ `
  mutation ($id: ID!) { resolved: abandonVideoTask(id: $id) { task { ${taskFields} } } }
`;

const cancelDocument = /* GraphQL */ `
  mutation ($id: ID!) { resolved: cancelVideoTask(id: $id) { task { ${taskFields} } } }
`;

const cancelAllDocument = /* GraphQL */ `
  mutation ($filter: VideoTaskFilter!) { cancelVideoTasks(filter: $filter) { ids count } }
`;

/** Longer than any answer takes, so that one that does not come is seen as such. */
const patienceMs = 20_000;

const inputOf = ({ marker }: ClientOrder): object => ({ grokVideo3: { prompt: promptOf(marker) } });
const codeIn = (answer: GraphqlAnswer): string => answer.errors?.[0]?.extensions?.code ?? 'no code';

/** Sends orders and remembers everything that was sent and answered. */
export class Client {
  readonly sent: Sent[] = [];
  /** Every task that any answer showed. */
  readonly seen: SeenTask[] = [];
  /** Every answer, as it came. */
  readonly answers: string[] = [];
  /** The tasks of which a call for several said that it cancelled them. */
  readonly cancelled: string[] = [];
  readonly #underWay = new Set<Promise<unknown>>();

  submit(instance: Instance, order: ClientOrder): Promise<Sent> {
    const [entry] = this.#remember(instance, [order]);
    return this.#keep(
      this.#post(instance, submitDocument, { input: inputOf(order), key: order.key, options: order.options }).then(
        (answer) => {
          settle(entry, answer && (answer.data?.['submitVideo'] as SubmitAnswer | undefined), answer);
          this.#see(entry);
          return entry;
        },
      ),
    );
  }

  submitBatch(instance: Instance, orders: readonly ClientOrder[]): Promise<unknown> {
    const entries = this.#remember(instance, orders);
    const inputs = orders.map((order) => ({
      input: inputOf(order),
      idempotencyKey: order.key,
      options: order.options,
    }));
    return this.#keep(
      this.#post(instance, batchDocument, { orders: inputs }).then((answer) => {
        const payload = answer?.data?.['submitVideos'] as { outcomes: SubmitAnswer[] } | undefined;
        entries.forEach((entry, index) => {
          settle(entry, payload?.outcomes[index], answer);
          this.#see(entry);
        });
      }),
    );
  }

  /** Up to 20 tasks in a state; none where no answer came. */
  async tasksIn(status: string, instance: Instance): Promise<SeenTask[]> {
    const answer = await this.#post(instance, listDocument, { statuses: [status] });
    const list = answer?.data?.['videoTasks'] as { edges: { node: SeenTask }[] } | undefined;
    return list?.edges.map(({ node }) => node) ?? [];
  }

  /** Confirms the task as `upstreamId`, or abandons it where there is none; the error's code where it was refused. */
  resolve(instance: Instance, id: string, upstreamId: string | null): Promise<string | null> {
    return this.#change(instance, upstreamId ? confirmDocument : abandonDocument, { id, upstreamId });
  }

  /** Cancels the task; the error's code where it was refused. */
  cancel(instance: Instance, id: string): Promise<string | null> {
    return this.#change(instance, cancelDocument, { id });
  }

  /** Cancels all tasks that wait; the error's code where it was refused. */
  async cancelAll(instance: Instance): Promise<string | null> {
    const answer = await this.#keep(this.#post(instance, cancelAllDocument, { filter: {} }));
    if (!answer) return null;
    const payload = answer.data?.['cancelVideoTasks'] as { ids: string[] } | undefined;
    if (!payload) return codeIn(answer);
    this.cancelled.push(...payload.ids);
    return null;
  }

  async #change(instance: Instance, document: string, variables: object): Promise<string | null> {
    const answer = await this.#keep(this.#post(instance, document, variables));
    if (!answer) return null;
    const payload = answer.data?.['resolved'] as { task: SeenTask } | undefined;
    if (!payload) return codeIn(answer);
    this.seen.push(payload.task);
    return null;
  }

  /** Waits until every answer is there, or for `ms`. */
  async settled(ms: number): Promise<void> {
    const patience = new AbortController();
    const waited = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      patience.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    await Promise.race([Promise.allSettled([...this.#underWay]), waited]);
    patience.abort();
  }

  #remember<Orders extends readonly ClientOrder[]>(instance: Instance, orders: Orders) {
    const entries = orders.map((order): Sent => ({ order, process: instance.name, outcome: 'pending' }));
    this.sent.push(...entries);
    return entries as { [Index in keyof Orders]: Sent } & [Sent];
  }

  #see({ outcome }: Sent): void {
    if (typeof outcome === 'object' && 'task' in outcome) this.seen.push(outcome.task);
  }

  #keep<Result>(promise: Promise<Result>): Promise<Result> {
    this.#underWay.add(promise);
    const done = () => void this.#underWay.delete(promise);
    promise.then(done, done);
    return promise;
  }

  /** Null where no answer came. */
  async #post({ url }: Instance, query: string, variables: object): Promise<GraphqlAnswer | null> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await response.text();
      this.answers.push(text);
      return JSON.parse(text);
    } catch {
      return null;
    }
  }
}

function settle(entry: Sent, payload: SubmitAnswer | undefined | null, answer: GraphqlAnswer | null): void {
  if (!answer) entry.outcome = 'lost';
  else if (payload?.task) entry.outcome = { task: payload.task, replayed: payload.replayed === true };
  else entry.outcome = { code: payload?.code ?? codeIn(answer) };
}
