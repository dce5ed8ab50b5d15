import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenOn, listenOnFreePort } from './listening.ts';
import {
  accessDenied,
  type CheckFault,
  checkFaults,
  type Ending,
  type Exchange,
  endings,
  type Fault,
  isProgress,
  ok,
  progress,
  refusals,
  type SubmitFault,
  submitFaults,
} from './upstream-faults.ts';

/** The points of a submit and of a check at which a process can be interrupted. */
export type Moment = 'POST arrived' | 'POST answered' | 'GET arrived' | 'GET about to be answered' | 'GET answered';

/** What the upstream does with one order. */
export interface OrderScript {
  readonly submit: SubmitFault;
  /** What becomes of further POSTs of the order, one after the other; the last one holds for all that follow. */
  readonly sentAgain: readonly SubmitFault[];
  /** What the GETs bring, one after the other, before the ending. */
  readonly checks: readonly CheckFault[];
  readonly ending: Ending;
  /** Where the process that sent the request is interrupted, the first time it comes there: killed, if nothing else is said. */
  readonly interruptAt: Moment | null;
}

export const flawless: OrderScript = {
  submit: 'ok',
  sentAgain: [],
  checks: [],
  ending: 'completed',
  interruptAt: null,
};

/** One POST. It counts as paid, whether it was answered or not, unless it was refused and the refusal left. */
export interface Post {
  /** In milliseconds. */
  readonly at: number;
  /** How many other POSTs were under way when it came. */
  readonly beside: number;
  /** When the whole answer had left; null where it did not. */
  answeredAt: number | null;
  /** What stands in the prompt: the key, and which of the orders under it. */
  readonly marker: string;
  readonly upstreamId: string;
  /** The process that sent it. */
  readonly process: string;
  /** How it was answered. */
  readonly fault: SubmitFault;
  /** When the id had left for the process, in a whole answer or in a part of one; null where it did not. */
  deliveredAt: number | null;
}

/** Whether a POST may be paid: an order that is sent again after it would be paid twice. */
export const mayBeBilled = ({ fault, answeredAt }: Post): boolean => !refusals.has(fault) || answeredAt === null;

export interface FaultyUpstream {
  /** The base URL for one process: its name in the path tells whose each request is. */
  urlFor(process: string): string;
  readonly posts: readonly Post[];
  readonly checks: readonly { readonly upstreamId: string; readonly process: string; readonly at: number }[];
  /** The ids of which it has told the ending. */
  readonly ended: ReadonlySet<string>;
  /** What is done with an order, by its marker; an order without a script is flawless. */
  readonly scripts: Map<string, OrderScript>;
  /** As the scripts say; without any fault; or the key is refused for checks from now on. */
  mode: 'scripted' | 'healthy' | 'denied';
  /** What becomes of any POST at present, instead of what its script says; null where nothing does. */
  refusal: () => SubmitFault | null;
  /** How long a POST lasts before it is answered. */
  holdMs: number;
  onMoment: (moment: Moment, process: string) => void;
  /** Whether there was a time in which no connection could be made. */
  readonly wasDisconnected: boolean;
  /** From now on no connection can be made; what is under way goes on. */
  disconnect(): void;
  /** Connections can be made again. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

export const promptOf = (marker: string): string => `A paper boat [${marker}]`;
export const markerOf = (prompt: string): string => /\[(\S+)\]$/.exec(prompt)?.[1] ?? '';

/** The key's part of a marker; an order without a key has a name of its own there. */
export const nameIn = (marker: string): string => marker.split('~')[0] ?? '';

/** An upstream at its worst: each order has its own faults, and every POST costs money. */
export async function startFaultyUpstream(): Promise<FaultyUpstream> {
  const posts: Post[] = [];
  const checks: { upstreamId: string; process: string; at: number }[] = [];
  const ended = new Set<string>();
  const interrupted = new Set<OrderScript>();
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  const port = await listenOnFreePort(server);
  let connecting: Promise<void> | undefined;
  let disconnected = false;
  let closed = false;

  const upstream: FaultyUpstream = {
    urlFor: (process) => `http://127.0.0.1:${port}/${process}`,
    posts,
    checks,
    ended,
    scripts: new Map(),
    mode: 'scripted',
    refusal: () => null,
    holdMs: 0,
    onMoment: () => {},
    get wasDisconnected() {
      return disconnected;
    },
    disconnect() {
      disconnected = true;
      server.close();
    },
    connect() {
      if (server.listening || closed) return Promise.resolve();
      connecting ??= listenOn(server, port).finally(() => {
        connecting = undefined;
      });
      return connecting;
    },
    async close() {
      await upstream.connect();
      closed = true;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  const scriptOf = (marker: string): OrderScript => {
    const script = upstream.scripts.get(marker) ?? flawless;
    return upstream.mode === 'healthy' ? { ...flawless, ending: script.ending } : script;
  };

  function faultOf(marker: string, { submit, sentAgain }: OrderScript): SubmitFault {
    const refused = upstream.mode === 'healthy' ? null : upstream.refusal();
    const before = posts.filter((post) => post.marker === marker).length;
    return refused ?? sentAgain[Math.min(before, sentAgain.length) - 1] ?? submit;
  }

  /** Interrupts the sender if the script wants it to be here; once, or nothing would ever get past this point. */
  function reach(moment: Moment, script: OrderScript, process: string): boolean {
    if (script.interruptAt !== moment || interrupted.has(script)) return false;
    interrupted.add(script);
    upstream.onMoment(moment, process);
    return true;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [process = '', ...path] = (request.url ?? '').split('/').slice(1);
    const authorization = request.headers.authorization ?? '';
    if (request.method !== 'POST') return check(process, path.at(-1) ?? '', { response, authorization });
    const { prompt } = JSON.parse(await text(request));
    const post = arrived(process, markerOf(prompt), response);
    if (upstream.holdMs > 0) await sleep(upstream.holdMs);
    answerPost(post, { response, authorization });
  }

  function arrived(process: string, marker: string, response: ServerResponse): Post {
    // Its end is enough to tell it by, and an id has 255 characters at most.
    const upstreamId = `video_${marker.slice(-40)}_${posts.length}`;
    const fault = faultOf(marker, scriptOf(marker));
    const post: Post = {
      at: Date.now(),
      beside: open.size,
      marker,
      upstreamId,
      process,
      fault,
      deliveredAt: null,
      answeredAt: null,
    };
    posts.push(post);
    open.add(response);
    response.once('close', () => open.delete(response));
    return post;
  }

  function answerPost(post: Post, exchange: Pick<Exchange, 'response' | 'authorization'>): void {
    const { marker, process, upstreamId } = post;
    const script = scriptOf(marker);
    if (reach('POST arrived', script, process)) return;
    const body = JSON.stringify({ id: upstreamId, object: 'video', status: 'queued', error: null });
    exchange.response.once('finish', () => {
      post.answeredAt = Date.now();
      reach('POST answered', script, process);
    });
    const delivered = () => {
      post.deliveredAt = Date.now();
      reach('POST answered', script, process);
    };
    submitFaults[post.fault]({ ...exchange, body, delivered });
  }

  const asked = new Map<string, number>();

  function check(process: string, id: string, exchange: Pick<Exchange, 'response' | 'authorization'>): void {
    const upstreamId = decodeURIComponent(id);
    checks.push({ upstreamId, process, at: Date.now() });
    const post = posts.find((paid) => paid.upstreamId === upstreamId);
    const script = scriptOf(post?.marker ?? '');
    if (reach('GET arrived', script, process)) return;
    const delivered = () => void reach('GET answered', script, process);
    reach('GET about to be answered', script, process);
    const { fault, says } = post ? turnOf(upstreamId, script) : { fault: checkFaults['404'], says: {} };
    fault({ ...exchange, body: JSON.stringify({ id: upstreamId, object: 'video', ...says }), delivered });
  }

  /** What the script has for this check. */
  function turnOf(upstreamId: string, script: OrderScript): { fault: Fault; says: object } {
    if (upstream.mode === 'denied') return { fault: accessDenied, says: {} };
    const turn = asked.get(upstreamId) ?? 0;
    asked.set(upstreamId, turn + 1);
    const name = script.checks[turn];
    if (name === undefined) {
      ended.add(upstreamId);
      return { fault: ok, says: endings[script.ending] };
    }
    if (isProgress(name)) return { fault: ok, says: progress[name] };
    return { fault: checkFaults[name], says: progress.queued };
  }

  return upstream;
}
