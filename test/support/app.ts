import { expect, onTestFinished } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { readEnvironment } from '../../src/environment.ts';
import { freshDatabase } from './database.ts';
import { noSpendingLimits } from './local-caller.ts';
import { apiKey, startUpstream, type TestUpstream } from './upstream.ts';

/** An answer as GraphQL over HTTP gives it; a test looks at what it asked for. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: the test's document decides the shape of data
  readonly data: any;
  readonly errors?: {
    message: string;
    path?: (string | number)[];
    extensions: { code: string; issues?: { path: (string | number)[]; message: string }[] };
  }[];
}

/** Data with nothing in it: null, or null for each root field. */
export const nothing = expect.toSatisfy(
  (data: Answer['data']) => Object.values(data ?? {}).every((value) => value === null),
  'nothing',
);

/** Sends requests to the service, with given headers. */
export interface Speaker {
  /** Sends a document and returns the answer with its status and headers. */
  send(document: string, variables?: object, accept?: string, signal?: AbortSignal): Promise<Response>;
  /** Sends a document as a client would. */
  query(document: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** Subscribes over server-sent events and yields each result until the stream completes. */
  subscribe(document: string, variables?: Record<string, unknown>, signal?: AbortSignal): AsyncGenerator<Answer>;
}

export interface TestApp extends Speaker {
  readonly app: App;
  readonly upstream: TestUpstream;
  readonly databaseUrl: string;
  /** The URL of the service, if it was started. */
  readonly url: string;
}

interface Options {
  readonly databaseUrl?: string;
  readonly upstream?: TestUpstream;
  /** Settings by the names of their variables. */
  readonly settings?: Record<string, string>;
  readonly now?: () => Date;
  /** Whether it listens and tracks; without, it only answers. */
  readonly started?: boolean;
}

/** Starts the whole service on a new database, with an upstream of its own, until the test ends. */
export async function createTestApp(options: Options = {}): Promise<TestApp> {
  const upstream = options.upstream ?? (await startUpstream());
  const databaseUrl = options.databaseUrl ?? (await freshDatabase());
  const environment = readEnvironment({
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    TRACKER_FIRST_CHECK_MS: '20',
    TRACKER_INTERVAL_MS: '20',
    LOG_LEVEL: 'silent',
    STORAGE_URL: 'none',
    PORT: '0',
    INTROSPECTION: 'on',
    ...noSpendingLimits,
    ...options.settings,
  });
  const app = await createApp(environment, options.now);
  onTestFinished(() => app.stop());
  const { url } = options.started ? await app.start() : { url: '' };

  return { app, upstream, databaseUrl, url, ...speakTo(app) };
}

/** Sends requests to a service without a network connection. */
export function speakTo(app: App, headers: Record<string, string> = {}): Speaker {
  const send: Speaker['send'] = (document, variables = {}, accept = 'application/json', signal) =>
    app.fetch(
      new Request('http://localhost/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, ...headers },
        body: JSON.stringify({ query: document, variables }),
        signal: signal ?? null,
      }),
    );
  return {
    send,
    query: async (document, variables) => (await (await send(document, variables)).json()) as Answer,
    async *subscribe(document, variables, signal) {
      yield* readEvents(await send(document, variables, 'text/event-stream', signal));
    },
  };
}

/** The results in a stream of server-sent events, until its `complete`. */
export async function* readEvents({ body }: { body: unknown }): AsyncGenerator<Answer> {
  let buffered = '';
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    const events = (buffered + Buffer.from(chunk).toString()).split('\n\n');
    buffered = events.pop() ?? '';
    for (const event of events) {
      if (event.startsWith('event: complete')) return;
      const data = /^data: (.+)$/m.exec(event)?.[1];
      if (data) yield JSON.parse(data);
    }
  }
}

/** Orders, and does not wait where the upstream takes no orders. */
export const submitDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!) {
    submitVideo(input: $input, options: { whenBusy: FAIL }) {
      task { id status upstreamId failure { code message retryable mayBeBilled } }
    }
  }
`;

/** The simplest order. */
export const anOrder = { grokVideo3: { prompt: 'A paper boat' } };
