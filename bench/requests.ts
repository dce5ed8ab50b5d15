import type { Seed } from './database.ts';

/** What is measured; the last two are not about requests. */
export const cases = {
  read: 'read one task',
  list: 'list 20',
  submit: 'submit',
  mixed: '90 % read, 10 % submit',
  watch: 'subscribe, to the first event',
  start: 'start and idle memory',
} as const;

export type Case = keyof typeof cases;

export type Protocol = 'graphql' | 'rest';

/** One request as autocannon takes it. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** The same for all GraphQL contenders. The answers of the REST contender have the same fields. */
export const fields = `
  id status model prompt createdAt completedAt
  options { durationSeconds aspectRatio resolution }
  video { url state }
  failure { code }`;

export const pageSize = 20;

const documents = {
  read: `query Read($id: ID!) { videoTask(id: $id) {${fields} } }`,
  list: `query List { videoTasks(first: ${pageSize}) { edges { cursor node {${fields} } } pageInfo { hasNextPage endCursor } } }`,
  submit: `mutation Submit($input: SubmitVideoInput!) { submitVideo(input: $input) { task {${fields} } } }`,
  watch: `subscription Watch($id: ID!) { videoTaskUpdated(id: $id) {${fields} } }`,
  confirm: `mutation Confirm($id: ID!, $upstreamId: String!) { confirmVideoTask(id: $id, upstreamId: $upstreamId) { task { id status } } }`,
};

const order = (number: number) => ({
  prompt: `A paper boat in the rain, seen from the kerb, take ${number}`,
  duration: 'SECONDS_10',
  aspectRatio: 'RATIO_9_16',
  resolution: 'RESOLUTION_720P',
});

/** How many requests each connection repeats: enough that neighbours do not ask for the same. */
const requestsPerConnection = 200;

/** Every tenth request of the mixed case is an order. */
const mixedOrders = 10;

const pick = <Value>(values: readonly Value[]): Value => {
  const value = values[Math.floor(Math.random() * values.length)];
  if (value === undefined) throw new Error('There is nothing to ask for.');
  return value;
};

/** What one connection sends, over and over; built beforehand, so that the load costs as little as can be. */
export function requestsOf(what: Case, protocol: Protocol, seed: Seed): LoadRequest[] {
  // So that not all connections order at once.
  const offset = Math.floor(Math.random() * mixedOrders);
  return Array.from({ length: requestsPerConnection }, (_, index) => {
    const one = what === 'mixed' ? ((index + offset) % mixedOrders === 0 ? 'submit' : 'read') : what;
    return requestOf(one, protocol, seed, index);
  });
}

/** One request of a case that has one kind of them. */
export function requestOf(what: Case, protocol: Protocol, seed: Seed, index = 0): LoadRequest {
  if (what === 'mixed' || what === 'start') throw new Error(`${what} is not one kind of request.`);
  const id = pick(what === 'watch' ? seed.openIds : seed.ids);
  if (protocol === 'rest') return relayed(what, id, `Bearer ${seed.token}`, index);
  if (what === 'watch') return watchRequest(id, seed.token);
  const variables = { read: { id }, list: undefined, submit: { input: { grokVideo3: order(index) } } };
  return graphqlRequest(documents[what], variables[what], seed.token);
}

const graphqlRequest = (query: string, variables: object | undefined, token: string): LoadRequest => ({
  method: 'POST',
  path: '/graphql',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
  body: JSON.stringify({ query, variables }),
});

/** Watches a task. */
export function watchRequest(id: string, token: string): LoadRequest {
  const request = graphqlRequest(documents.watch, { id }, token);
  return { ...request, headers: { ...request.headers, accept: 'text/event-stream' } };
}

/** Changes an UNCONFIRMED task. */
export const confirmRequest = (id: string, token: string): LoadRequest =>
  graphqlRequest(documents.confirm, { id, upstreamId: `video_${id}` }, token);

function relayed(
  what: 'read' | 'list' | 'submit' | 'watch',
  id: string,
  authorization: string,
  index: number,
): LoadRequest {
  const headers = { authorization };
  if (what === 'read') return { method: 'GET', path: `/tasks/${id}`, headers };
  if (what === 'list') return { method: 'GET', path: `/tasks?first=${pageSize}`, headers };
  const json = { ...headers, 'content-type': 'application/json' };
  return { method: 'POST', path: '/tasks', headers: json, body: JSON.stringify(order(index)) };
}

/** Whether an answer is complete, because a contender that answers with errors, or with less, would be fast too. */
export function isAnswer(what: Case, body: string): boolean {
  if (!body.includes('"id":"0') || body.includes('"errors"')) return false;
  return what !== 'list' || body.split('"cursor"').length === pageSize + 1;
}
