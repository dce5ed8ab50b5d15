import type { ServerResponse } from 'node:http';
import { execute } from '@graphql-tools/executor';
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  getOperationAST,
  locatedError,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { CallerContext, Context } from '../../graphql/builder.ts';
import { isRefusal, refuse, takesEventsOnly } from './refusal.ts';

interface Settings {
  /** What every resolver gets, but for whose the request is. */
  readonly context: Omit<Context, keyof CallerContext | 'request'>;
  /** Makes of an error what a client may see. */
  readonly mask: (error: unknown) => GraphQLError;
}

/** A subscription as a result like any other, so that no layer of Yoga's wraps it into iterators of its own. */
interface Opened extends ExecutionResult {
  readonly events: AsyncIterable<string>;
}

const streams = new WeakMap<Response, AsyncIterable<string>>();

/** The events that answer a subscription; undefined for any other answer. */
export const eventsIn = (answer: Response): AsyncIterable<string> | undefined => streams.get(answer);

/**
 * Executes subscriptions and writes their events: one layer in the place of Yoga's dozen, which took most of what an open
 * subscription takes of memory.
 */
export function useEventStreams(settings: Settings): Plugin {
  async function subscribe(args: ExecutionArgs): Promise<ExecutionResult | Opened> {
    const source = await createSourceEventStream(args);
    return isAsyncIterable(source) ? { events: eventsOf(source, lasting(args), settings) } : source;
  }

  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe);
    },
    onExecutionResult({ result, setResult }) {
      if (result && 'events' in result) setResult(result.events as AsyncIterable<never>);
    },
    onResultProcess({ request, result, resultProcessor, setResultProcessor }) {
      // Without one, events are not what the client accepts.
      if (!resultProcessor) return;
      if (isRefusal(result) && takesEventsOnly(request)) return setResultProcessor(refuse, 'text/event-stream');
      if (!isAsyncIterable(result)) return;
      const events = result as AsyncIterable<unknown> as AsyncIterable<string>;
      setResultProcessor((_, fetchAPI) => answerWith(events, fetchAPI.Response), 'text/event-stream');
    },
  };
}

/** All that events are executed with. The rest, the request above all, would be kept as long as the subscription is open. */
function lasting({ schema, document, variableValues, operationName, contextValue }: ExecutionArgs) {
  const { caller, tasks } = contextValue as CallerContext;
  return { operation: { schema, document, variableValues, operationName }, bound: { caller, tasks } };
}

/** Means nothing but that the connection is alive. */
const ping = ':\n\n';

async function* eventsOf(
  source: AsyncIterable<unknown>,
  { operation, bound }: ReturnType<typeof lasting>,
  { context, mask }: Settings,
): AsyncGenerator<string> {
  // Some browsers take an answer for begun only when its body has.
  yield ping;
  try {
    for await (const rootValue of source) {
      // A context for each: what plugins keep of one, they keep as long as it is there.
      const contextValue = { ...context, ...bound };
      // Never a result that comes in parts: the schema has no @defer.
      yield eventOf((await execute({ ...operation, contextValue, rootValue })) as ExecutionResult, mask);
    }
  } catch (error) {
    const node = getOperationAST(operation.document, operation.operationName);
    yield eventOf({ errors: [locatedError(error, node)] }, mask);
  }
  yield 'event: complete\ndata:\n\n';
}

function eventOf({ errors, ...result }: ExecutionResult, mask: Settings['mask']): string {
  const shown = errors && { errors: errors.map((error) => withoutInternals(mask(error))) };
  return `event: next\ndata: ${JSON.stringify({ ...shown, ...result })}\n\n`;
}

/** An error as it is shown: without what it says to HTTP and to Yoga. */
function withoutInternals(error: GraphQLError) {
  const { extensions: { http: _, unexpected: __, ...extensions } = {}, ...said } = error.toJSON();
  return { ...said, ...(Object.keys(extensions).length > 0 && { extensions }) };
}

function answerWith(events: AsyncIterable<string>, FetchResponse: typeof Response): Response {
  const headers = { 'content-type': 'text/event-stream', connection: 'keep-alive', 'content-encoding': 'none' };
  // Yoga's own Response takes anything that can be iterated, which its type, that of the platform, does not say. A stream
  // around it would be one more object for each subscriber.
  const answer = new FetchResponse(inBytes(events) as unknown as ReadableStream, { headers });
  streams.set(answer, events);
  return answer;
}

/** For who reads the answer itself. */
async function* inBytes(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const text of texts) yield Buffer.from(text);
}

/** Sends events as they come, each when the one before is through, and pings meanwhile; to the last, or until the client leaves. */
export async function sendEvents(
  events: AsyncIterable<string>,
  response: ServerResponse,
  pingMs: number,
): Promise<void> {
  response.socket?.setKeepAlive(true);
  // Headers that are sent by themselves are kept as one text, and otherwise as the dozens it was put together from.
  response.flushHeaders();
  const pinging = setInterval(() => response.writableNeedDrain || response.write(ping), pingMs);
  response.once('close', () => {
    clearInterval(pinging);
    response.emit('drain');
  });
  try {
    for await (const text of events) {
      if (response.destroyed) break;
      if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve));
    }
  } finally {
    // An answer that has ended is not through before all of it is read.
    clearInterval(pinging);
  }
  response.end();
}
