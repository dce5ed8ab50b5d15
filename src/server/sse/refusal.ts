import { type Plugin, processRegularResult } from 'graphql-yoga';

type Processing = Parameters<NonNullable<Plugin['onResultProcess']>>[0];

/** Whether a result has nothing but errors. */
export const isRefusal = (result: Processing['result']): boolean =>
  'errors' in result && (!('data' in result) || result.data === null || result.data === undefined);

/** Whether a client reads events and no JSON, as those do that subscribe. */
export function takesEventsOnly({ headers }: Request): boolean {
  const accept = headers.get('accept') ?? '';
  return accept.includes('text/event-stream') && !/json|\*\/\*|application\/\*/.test(accept);
}

/**
 * Says in one event why a request is refused. Its status is 200, as GraphQL over SSE asks for, because clients do not read
 * an event stream under a status of 4xx: an EventSource tells its page nothing, and graphql-sse sends the request again. 401
 * and 403 stay, because proxies and apps act on them; 5xx stays, because it is right to try again.
 */
export const refuse: Parameters<Processing['setResultProcessor']>[0] = async (result, fetchAPI) => {
  const answer = processRegularResult(result as Parameters<typeof processRegularResult>[0], fetchAPI, mediaType);
  const isHidden = answer.status < 500 && answer.status !== 401 && answer.status !== 403;
  const events = `event: next\ndata: ${await answer.text()}\n\nevent: complete\ndata:\n\n`;
  // The length is that of the JSON alone.
  answer.headers.delete('content-length');
  return new fetchAPI.Response(events, { status: isHidden ? 200 : answer.status, headers: answer.headers });
};

const mediaType = 'text/event-stream';
