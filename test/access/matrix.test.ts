import type { GraphQLObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { type Answer, anOrder, createTestApp, type Speaker, type TestApp } from '../support/app.ts';
import { as, createKeysFor, type Grant, revokeKey, withAuthorization } from '../support/callers.ts';
import { freshDatabase, freshDirectory } from '../support/database.ts';
import { png } from '../support/images.ts';
import { placed } from '../support/placing.ts';
import { createUpload } from '../support/uploading.ts';
import { reply, reset, type Answer as UpstreamAnswer } from '../support/upstream.ts';

/**
 * Callers with a key. All of them but the other tenant and the admin belong to the client whose tasks are asked for.
 */
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

/** The outcome of a request: done, a task that is not found (null), an empty list, or the code of an error. */
type Outcome = 'ok' | 'nothing' | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND' | 'TASK_STATE_CONFLICT';

interface Row {
  readonly document: string;
  /** How the upstream answers the order of the task that the document is about, if it is about one. */
  readonly taskFrom?: UpstreamAnswer;
  /** Whether the document is about an upload. */
  readonly upload?: true;
  /** How often the upstream is called when the request is allowed. */
  readonly orders?: number;
  readonly cells: Readonly<Record<Exclude<CallerName, 'noKey' | 'wrongKey' | 'revoked'>, Outcome>>;
}

const accepted = reply(200, { id: 'video_1', status: 'queued' });
const refused = reply(400, { message: 'No boats.' });

/** Every authenticated caller may read the models and its own client. */
const allowedToAll = {
  noScope: 'ok',
  readOnly: 'ok',
  submitOnly: 'ok',
  owner: 'ok',
  otherTenant: 'ok',
  admin: 'ok',
} as const;
const refusedToAll = {
  noScope: 'FORBIDDEN',
  readOnly: 'FORBIDDEN',
  submitOnly: 'FORBIDDEN',
  owner: 'FORBIDDEN',
  otherTenant: 'FORBIDDEN',
  admin: 'FORBIDDEN',
} as const;
const readers = { ...allowedToAll, noScope: 'FORBIDDEN', submitOnly: 'FORBIDDEN' } as const;
const orderers = { ...allowedToAll, noScope: 'FORBIDDEN', readOnly: 'FORBIDDEN' } as const;
const inAnotherState = {
  submitOnly: 'TASK_STATE_CONFLICT',
  owner: 'TASK_STATE_CONFLICT',
  admin: 'TASK_STATE_CONFLICT',
} as const;

const input = '{ grokVideo3: { prompt: "A tin boat" } }';

const rows: Record<string, Row> = {
  'Query.videoClient': { document: '{ videoClient { name } }', cells: allowedToAll },
  'Query.videoModels': { document: '{ videoModels { name } }', cells: allowedToAll },
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
  'Query.videoImageUpload': {
    document: 'query ($id: ID!) { videoImageUpload(id: $id) { id url } }',
    upload: true,
    cells: { ...readers, otherTenant: 'nothing' },
  },
  'Query._service': { document: '{ _service { sdl } }', cells: allowedToAll },
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
    cells: { ...refusedToAll, admin: 'ok' },
  },
  'Mutation.abandonVideoTask': {
    document: 'mutation ($id: ID!) { abandonVideoTask(id: $id) { task { id } } }',
    taskFrom: reset,
    cells: { ...orderers, otherTenant: 'NOT_FOUND' },
  },
  'Mutation.cancelVideoTask': {
    document: 'mutation ($id: ID!) { cancelVideoTask(id: $id) { task { id } } }',
    taskFrom: accepted,
    // The order was sent, which only those learn who may cancel it.
    cells: { ...orderers, ...inAnotherState, otherTenant: 'NOT_FOUND' },
  },
  'Mutation.cancelVideoTasks': { document: 'mutation { cancelVideoTasks(filter: {}) { ids } }', cells: orderers },
  'Mutation.deleteVideoFile': {
    document: 'mutation ($id: ID!) { deleteVideoFile(taskId: $id) { task { id } } }',
    taskFrom: accepted,
    // The task has no stored video, which only those learn who may delete it.
    cells: { ...orderers, ...inAnotherState, otherTenant: 'NOT_FOUND' },
  },
  'Mutation.createVideoImageUpload': {
    document: 'mutation { createVideoImageUpload(input: { contentType: PNG, sizeBytes: 100 }) { upload { id url } } }',
    cells: orderers,
  },
  'Subscription.videoTaskUpdated': {
    document: 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { id prompt } }',
    // The subscription lasts until its caller ends it.
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

/** A service with keys, and every kind of caller. */
async function withAllCallers(): Promise<Setting> {
  const databaseUrl = await freshDatabase();
  const keys = await createKeysFor(databaseUrl, grants);
  await revokeKey(databaseUrl, keys.revoked);
  const settings = { STORAGE_URL: `file:${freshDirectory()}`, STORAGE_MIN_FREE_BYTES: '0' };
  const app = await createTestApp({ databaseUrl, settings });
  // A well-formed key that was never created.
  const wrong = `Bearer ${keys.owner.id}_${'A'.repeat(43)}`;
  const withoutKey = { noKey: withAuthorization(app, null), wrongKey: withAuthorization(app, wrong) };
  const withKeys = Object.entries(keys).map(([name, key]) => [name, as(app, key)]);
  return { app, speakers: { ...withoutKey, ...Object.fromEntries(withKeys) } };
}

/** The outcome of an answer in the words of the matrix. An error must come without data. */
function outcomeOf({ data, errors }: Answer): string {
  if (errors) {
    expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
    return errors.map(({ extensions }) => extensions.code).join();
  }
  const [value] = Object.values<{ edges?: unknown[] } | unknown[] | null>(data);
  const nothing = Array.isArray(value) ? value[0] === null : value === null || value?.edges?.length === 0;
  return nothing ? 'nothing' : 'ok';
}

/** The id of the task or the upload that a row's document is about, of the owner. */
async function subjectOf({ taskFrom, upload }: Row, owner: Speaker): Promise<string | undefined> {
  if (upload) return (await createUpload(owner, png())).id;
  return taskFrom && (await placed(owner, anOrder)).task.id;
}

async function ask(speaker: Speaker, document: string, variables: Record<string, unknown>): Promise<string> {
  if (!document.startsWith('subscription')) return outcomeOf(await speaker.query(document, variables));
  const leaving = new AbortController();
  const events = speaker.subscribe(document, variables, leaving.signal);
  const first = await events.next();
  const outcome = outcomeOf(first.value);
  // A refused subscription ends.
  if (outcome !== 'ok') expect(await events.next()).toEqual({ value: undefined, done: true });
  leaving.abort();
  return outcome;
}

/** Everything that a request could have changed, of all clients. */
const everything = (admin: Speaker): Promise<Answer> =>
  admin.query('{ videoTasks(first: 100) { edges { node { id client status upstreamId } } } }');

test.each(rootFields)(
  '%s is allowed to exactly the callers of its row, and does nothing for any other',
  async (field) => {
    const row = rows[field];
    if (!row) throw new Error(`${field} has no row in the matrix: say who may use it`);
    const { app, speakers } = await withAllCallers();
    const outcomes: Record<string, unknown> = {};
    for (const [name, speaker] of Object.entries(speakers)) {
      app.upstream.onSubmit = row.taskFrom ?? accepted;
      const id = await subjectOf(row, speakers.owner);
      app.upstream.onSubmit = accepted;
      const before = await everything(speakers.admin);
      const callsBefore = app.upstream.keys.length;
      const outcome = await ask(speaker, row.document, { id, found: `found by ${name}` });
      outcomes[name] = { outcome, upstreamCalls: app.upstream.keys.length - callsBefore };
      if (outcome !== 'ok') expect(await everything(speakers.admin), name).toEqual(before);
    }
    const withoutKey = { noKey: 'UNAUTHENTICATED', wrongKey: 'UNAUTHENTICATED', revoked: 'UNAUTHENTICATED' };
    const expected = Object.entries({ ...withoutKey, ...row.cells }).map(([name, outcome]) => [
      name,
      { outcome, upstreamCalls: outcome === 'ok' ? (row.orders ?? 0) : 0 },
    ]);
    expect(outcomes).toEqual(Object.fromEntries(expected));
  },
);
