import type { GraphQLObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { type Answer, anOrder, createTestApp, type Speaker, type TestApp } from '../support/app.ts';
import { as, createKeysFor, type Grant, revokeKey, withAuthorization } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { placed } from '../support/placing.ts';
import { reply, reset, type Answer as UpstreamAnswer } from '../support/upstream.ts';

/** Who has a key. All of them but the other tenant and the admin belong to the client whose tasks are asked for. */
const grants = {
  revoked: {},
  noScope: { scopes: [] },
  readOnly: { scopes: ['read'] },
  submitOnly: { scopes: ['submit'] },
  owner: { scopes: ['read', 'submit'] },
  otherTenant: { client: 'other', scopes: ['read', 'submit'] },
  admin: { client: 'operator', scopes: ['admin'] },
} as const satisfies Record<string, Grant>;

type CallerName = 'noKey' | 'wrongKey' | keyof typeof grants;

/** What comes of a request: done, a task that there is not (null), nothing in a list, or the code of an error. */
type Outcome = 'ok' | 'nothing' | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND';

interface Row {
  readonly document: string;
  /** How the upstream answers the order of the task that the document is about, where it is about one. */
  readonly taskFrom?: UpstreamAnswer;
  /** How often the upstream is called where the request is let in. */
  readonly orders?: number;
  readonly cells: Readonly<Record<Exclude<CallerName, 'noKey' | 'wrongKey' | 'revoked'>, Outcome>>;
}

const accepted = reply(200, { id: 'video_1', status: 'queued' });
const refused = reply(400, { message: 'No boats.' });

/** Whoever has come in may know the models, and as whom they came in. */
const anybody = {
  noScope: 'ok',
  readOnly: 'ok',
  submitOnly: 'ok',
  owner: 'ok',
  otherTenant: 'ok',
  admin: 'ok',
} as const;
const nobody = {
  noScope: 'FORBIDDEN',
  readOnly: 'FORBIDDEN',
  submitOnly: 'FORBIDDEN',
  owner: 'FORBIDDEN',
  otherTenant: 'FORBIDDEN',
  admin: 'FORBIDDEN',
} as const;
const readers = { ...anybody, noScope: 'FORBIDDEN', submitOnly: 'FORBIDDEN' } as const;
const orderers = { ...anybody, noScope: 'FORBIDDEN', readOnly: 'FORBIDDEN' } as const;

const input = '{ grokVideo3: { prompt: "A tin boat" } }';

const rows: Record<string, Row> = {
  'Query.videoClient': { document: '{ videoClient { name } }', cells: anybody },
  'Query.videoModels': { document: '{ videoModels { name } }', cells: anybody },
  'Query.videoTask': {
    document: 'query ($id: ID!) { videoTask(id: $id) { id prompt } }',
    taskFrom: accepted,
    cells: { ...readers, otherTenant: 'nothing' },
  },
  'Query.videoTasks': {
    document: '{ videoTasks { edges { node { id prompt } } } }',
    taskFrom: accepted,
    cells: { ...readers, otherTenant: 'nothing' },
  },
  'Query.videoTaskCounts': {
    document: '{ videoTaskCounts { status count isExact } }',
    cells: readers,
  },
  'Query._service': { document: '{ _service { sdl } }', cells: anybody },
  'Query._entities': {
    document: 'query ($id: ID!) { _entities(representations: [{ __typename: "VideoTask", id: $id }]) { __typename } }',
    taskFrom: accepted,
    cells: { ...readers, otherTenant: 'nothing' },
  },
  'Mutation.submitVideo': {
    document: `mutation { submitVideo(input: ${input}) { task { id } } }`,
    orders: 1,
    cells: orderers,
  },
  'Mutation.submitVideos': {
    document: `mutation { submitVideos(orders: [{ input: ${input} }, { input: ${input} }]) { outcomes { ... on SubmitVideoPayload { task { id } } } } }`,
    orders: 2,
    cells: orderers,
  },
  'Mutation.resubmitVideo': {
    document: 'mutation ($id: ID!) { resubmitVideo(id: $id) { task { id } } }',
    taskFrom: refused,
    orders: 1,
    cells: { ...orderers, otherTenant: 'NOT_FOUND' },
  },
  'Mutation.confirmVideoTask': {
    document: 'mutation ($id: ID!, $found: String!) { confirmVideoTask(id: $id, upstreamId: $found) { task { id } } }',
    taskFrom: reset,
    cells: { ...nobody, admin: 'ok' },
  },
  'Mutation.abandonVideoTask': {
    document: 'mutation ($id: ID!) { abandonVideoTask(id: $id) { task { id } } }',
    taskFrom: reset,
    cells: { ...orderers, otherTenant: 'NOT_FOUND' },
  },
  'Subscription.videoTaskUpdated': {
    document: 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { id prompt } }',
    // It goes on for as long as somebody watches.
    taskFrom: accepted,
    cells: { ...readers, otherTenant: 'NOT_FOUND' },
  },
};

const rootTypes = [
  schema.getQueryType(),
  schema.getMutationType(),
  schema.getSubscriptionType(),
] as GraphQLObjectType[];
const rootFields = rootTypes.flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`));

test('the matrix has a row for each field of the schema that a request can begin with, and no other row', () => {
  expect(new Set(Object.keys(rows))).toEqual(new Set(rootFields));
});

interface Setting {
  readonly app: TestApp;
  readonly speakers: Readonly<Record<CallerName, Speaker>>;
}

/** A service with keys, and everybody who may come. */
async function everybody(): Promise<Setting> {
  const databaseUrl = await freshDatabase();
  const keys = await createKeysFor(databaseUrl, grants);
  await revokeKey(databaseUrl, keys.revoked);
  const app = await createTestApp({ databaseUrl });
  // As long as ours, and as well formed.
  const wrong = `Bearer ${keys.owner.id}_${'A'.repeat(43)}`;
  const strangers = { noKey: withAuthorization(app, null), wrongKey: withAuthorization(app, wrong) };
  const withKeys = Object.entries(keys).map(([name, key]) => [name, as(app, key)]);
  return { app, speakers: { ...strangers, ...Object.fromEntries(withKeys) } };
}

/** What an answer says in the words of the matrix; of an error's data there must be nothing. */
function outcomeOf({ data, errors }: Answer): string {
  if (errors) {
    expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
    return errors.map(({ extensions }) => extensions.code).join();
  }
  const [value] = Object.values<{ edges?: unknown[] } | unknown[] | null>(data);
  const nothing = Array.isArray(value) ? value[0] === null : value === null || value?.edges?.length === 0;
  return nothing ? 'nothing' : 'ok';
}

async function ask(speaker: Speaker, document: string, variables: Record<string, unknown>): Promise<string> {
  if (!document.startsWith('subscription')) return outcomeOf(await speaker.query(document, variables));
  const leaving = new AbortController();
  const events = speaker.subscribe(document, variables, leaving.signal);
  const first = await events.next();
  const outcome = outcomeOf(first.value);
  // Who is turned away is not left waiting.
  if (outcome !== 'ok') expect(await events.next()).toEqual({ value: undefined, done: true });
  leaving.abort();
  return outcome;
}

/** Everything that a request could have changed, whoever's it is. */
const everything = (admin: Speaker): Promise<Answer> =>
  admin.query('{ videoTasks(first: 100) { edges { node { id client status upstreamId } } } }');

test.each(rootFields)('%s opens to exactly those who may, and for nobody else is anything done', async (field) => {
  const row = rows[field];
  if (!row) throw new Error(`${field} has no row in the matrix: say who may use it`);
  const { app, speakers } = await everybody();
  const outcomes: Record<string, unknown> = {};
  for (const [name, speaker] of Object.entries(speakers)) {
    app.upstream.onSubmit = row.taskFrom ?? accepted;
    const id = row.taskFrom && (await placed(speakers.owner, anOrder)).task.id;
    app.upstream.onSubmit = accepted;
    const before = await everything(speakers.admin);
    const callsBefore = app.upstream.keys.length;
    const outcome = await ask(speaker, row.document, { id, found: `found by ${name}` });
    outcomes[name] = { outcome, upstreamCalls: app.upstream.keys.length - callsBefore };
    if (outcome !== 'ok') expect(await everything(speakers.admin), name).toEqual(before);
  }
  const strangers = { noKey: 'UNAUTHENTICATED', wrongKey: 'UNAUTHENTICATED', revoked: 'UNAUTHENTICATED' };
  const expected = Object.entries({ ...strangers, ...row.cells }).map(([name, outcome]) => [
    name,
    { outcome, upstreamCalls: outcome === 'ok' ? (row.orders ?? 0) : 0 },
  ]);
  expect(outcomes).toEqual(Object.fromEntries(expected));
});
