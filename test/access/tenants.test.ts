import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp, nothing, type Speaker } from '../support/app.ts';
import { as, createKeyFor, createKeysFor, createTenants, databaseWithoutClients } from '../support/callers.ts';
import { databaseProviders } from '../support/database.ts';
import { orderOf } from '../support/orders.ts';
import { place, placed, readTask, taskIn } from '../support/placing.ts';
import { confirm, notFound, resubmit, stateConflict } from '../support/resolving.ts';
import type { TrackedApp } from '../support/tracked-app.ts';

/** The text of an answer, without the id that was asked for. */
async function allOf(response: Response, id: string): Promise<unknown> {
  const { 'x-request-id': _, ...headers } = Object.fromEntries(response.headers);
  return { status: response.status, headers, body: (await response.text()).replaceAll(id, '<id>') };
}

/** Every way of asking for a task by its id, with what it accepts. */
const paths: Record<string, [document: string, accept?: string]> = {
  'a query': ['query ($id: ID!) { videoTask(id: $id) { id status prompt history { edges { node { to } } } } }'],
  'a subscription': ['subscription ($id: ID!) { videoTaskUpdated(id: $id) { id status } }', 'text/event-stream'],
  'a confirmation': ['mutation ($id: ID!) { confirmVideoTask(id: $id, upstreamId: "video_0") { task { id } } }'],
  'an abandonment': ['mutation ($id: ID!) { abandonVideoTask(id: $id) { task { id status } } }'],
  'a resubmission': ['mutation ($id: ID!) { resubmitVideo(id: $id) { task { id } } }'],
  'a resubmission with a key': ['mutation ($id: ID!) { resubmitVideo(id: $id, idempotencyKey: "1") { task { id } } }'],
};

const noTask = '01a20300-0000-7000-8000-000000000000';

const listDocument = /* GraphQL */ `
  query ($first: Int, $last: Int, $after: String, $before: String, $filter: VideoTaskFilter) {
    videoTasks(first: $first, last: $last, after: $after, before: $before, filter: $filter) {
      edges { cursor node { id client prompt } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

const countDocument = 'query ($filter: VideoTaskFilter) { videoTaskCounts(filter: $filter) { status count isExact } }';

interface Edge {
  readonly node: { readonly id: string; readonly client: string };
}

async function list(
  { query }: Pick<Speaker, 'query'>,
  variables: Record<string, unknown> = {},
): Promise<Edge['node'][]> {
  const { data, errors } = await query(listDocument, variables);
  expect(errors).toBeUndefined();
  return data.videoTasks.edges.map(({ node }: Edge) => node);
}

/** Orders of several clients in turn, a millisecond apart; the ids of each, the newest first. */
async function inTurns(app: TrackedApp, clients: Record<string, TrackedApp>, rounds: number) {
  const ids: Record<string, string[]> = {};
  let nowMs = Date.parse('2026-11-22T12:00:00.000Z');
  for (let round = 0; round < rounds; round++) {
    for (const [name, client] of Object.entries(clients)) {
      app.setTime(new Date(nowMs++));
      ids[name] = [await client.submit(anOrder), ...(ids[name] ?? [])];
    }
  }
  return ids;
}

describe.each(databaseProviders)('on %s', (provider) => {
  test("another client's task gets, by every path, the same answer as a task that does not exist", async () => {
    const { app, ann, bob } = await createTenants(provider);
    const tasks = {
      COMPLETED: await taskIn('COMPLETED', ann),
      FAILED: await taskIn('FAILED', ann),
      QUEUED: await taskIn('QUEUED', ann),
      UNCONFIRMED: await taskIn('UNCONFIRMED', ann),
    };
    const before = await Promise.all(Object.values(tasks).map((id) => readTask(ann, id)));
    const orders = app.upstream.submits.length;
    for (const [path, [document, accept]] of Object.entries(paths)) {
      const nothing = await allOf(await bob.send(document, { id: noTask }, accept), noTask);
      for (const [status, id] of Object.entries(tasks)) {
        const foreign = await allOf(await bob.send(document, { id }, accept), id);
        expect(foreign, `${path} of a task that is ${status}`).toEqual(nothing);
      }
    }
    expect(await Promise.all(Object.values(tasks).map((id) => readTask(ann, id)))).toEqual(before);
    expect(app.upstream.submits).toHaveLength(orders);
  });

  test('a client lists its own tasks only, the admin those of all clients, each with its client', async () => {
    const { app, ann, bob, operator } = await createTenants(provider);
    const ids = await inTurns(app, { ann, bob, operator }, 2);
    const of = (client: string) => ids[client]!.map((id) => expect.objectContaining({ id, client }));
    expect(await list(ann)).toEqual(of('ann'));
    expect(await list(bob)).toEqual(of('bob'));
    const all = [0, 1].flatMap((round) => ['operator', 'bob', 'ann'].map((client) => of(client)[round]));
    expect(await list(operator)).toEqual(all);
    expect(await list(operator, { filter: { clients: ['ann'] } })).toEqual(of('ann'));
    expect(await list(operator, { filter: { clients: ['nobody'] } })).toEqual([]);
    expect(await list(operator, { filter: { clients: ['ann', 'bob'] } })).toEqual(
      [0, 1].flatMap((round) => ['bob', 'ann'].map((client) => of(client)[round])),
    );
  });

  test('a filter by client shows no task of another client, and not whether that client exists', async () => {
    const { app, ann, bob } = await createTenants(provider);
    const ids = await inTurns(app, { ann, bob }, 2);
    const answerTo = (clients: string[]) => bob.query(listDocument, { filter: { clients } });
    expect(await answerTo(['ann'])).toEqual(await answerTo(['nobody']));
    expect((await answerTo(['ann'])).data.videoTasks.edges).toEqual([]);
    expect(await answerTo(['ann', 'bob'])).toEqual(await answerTo(['nobody', 'bob']));
    expect((await list(bob, { filter: { clients: ['ann', 'bob'] } })).map(({ id }) => id)).toEqual(ids['bob']);
  });

  test("counts and a list by ids are of a client's own tasks, for the admin of all", async () => {
    const { app, ann, bob, operator } = await createTenants(provider);
    const { ann: annsIds = [], bob: bobsIds = [] } = await inTurns(app, { ann, bob }, 2);
    const counted = async ({ query }: Pick<Speaker, 'query'>, filter: object = {}) =>
      (await query(countDocument, { filter })).data.videoTaskCounts;
    const queued = (count: number) => [{ status: 'QUEUED', count, isExact: true }];
    const statuses = ['QUEUED'];
    expect(await counted(ann, { statuses })).toEqual(queued(2));
    expect(await counted(operator, { statuses })).toEqual(queued(4));
    expect(await counted(operator, { statuses, clients: ['ann'] })).toEqual(queued(2));
    expect(await counted(bob, { statuses, clients: ['ann'] })).toEqual(queued(0));
    expect(await counted(bob, { statuses, ids: [annsIds[0], bobsIds[0]] })).toEqual(queued(1));
    expect((await counted(bob)).filter(({ count }: { count: number }) => count > 0)).toEqual(queued(2));
    const ids = [annsIds[0], bobsIds[0], noTask];
    expect((await list(bob, { filter: { ids } })).map(({ id }) => id)).toEqual([bobsIds[0]]);
    expect(await list(operator, { filter: { ids } })).toHaveLength(2);
  });

  test("a cursor made of another client's task reveals no more than its time", async () => {
    const { app, ann, bob } = await createTenants(provider);
    const { ann: annsIds = [], bob: bobsIds = [] } = await inTurns(app, { bob, ann }, 3);
    for (const id of annsIds) {
      // Of the same millisecond, and of no task.
      const beside = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0');
      for (const page of [{ first: 1 }, { last: 1 }, { first: 5 }, { last: 5 }]) {
        for (const side of ['after', 'before']) {
          const foreign = await bob.query(listDocument, { ...page, [side]: id });
          expect(foreign.errors).toBeUndefined();
          expect(foreign, `${side} ${id}`).toEqual(await bob.query(listDocument, { ...page, [side]: beside }));
        }
      }
    }
    // Newest first: ann's is the newer one of each round.
    const after = await list(bob, { after: annsIds[1] });
    expect(after.map(({ id }) => id)).toEqual(bobsIds.slice(1));
  });

  test('an idempotency key belongs to one client, and reveals nothing to another', async () => {
    const { app, ann, bob, operator } = await createTenants(provider);
    const anns = await placed(ann, anOrder, 'boat-1');
    const bobs = await placed(bob, anOrder, 'boat-1');
    const another = await placed(operator, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
    expect([anns, bobs, another].map(({ replayed }) => replayed)).toEqual([false, false, false]);
    expect(new Set([anns, bobs, another].map(({ task }) => task.id)).size).toBe(3);
    expect(app.upstream.submits).toHaveLength(3);

    // Each client gets the task of its own order.
    expect(await placed(ann, anOrder, 'boat-1')).toEqual({ ...anns, replayed: true });
    expect(await placed(bob, anOrder, 'boat-1')).toEqual({ ...bobs, replayed: true });
    const other = await place(bob, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
    const extensions = { code: 'IDEMPOTENCY_KEY_MISMATCH', taskId: bobs.task.id };
    expect(other.errors).toMatchObject([{ extensions }]);
    expect(app.upstream.submits).toHaveLength(3);
  });

  test('of many duplicates by two clients at once under one key, each client pays once', async () => {
    const { app, ann, bob } = await createTenants(provider);
    const callers = Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? ann : bob));
    const orders = await Promise.all(callers.map((caller) => placed(caller, anOrder, 'boat-1')));
    const idsOf = (caller: TrackedApp) =>
      new Set(orders.filter((_, i) => callers[i] === caller).map(({ task }) => task.id));
    expect([idsOf(ann).size, idsOf(bob).size]).toEqual([1, 1]);
    expect(idsOf(ann)).not.toEqual(idsOf(bob));
    expect(app.upstream.submits).toHaveLength(2);
  });

  test("an admin's resubmission is the admin's: the client's task shows nothing of it", async () => {
    const { app, bob, operator } = await createTenants(provider);
    const old = await taskIn('FAILED', bob);
    const before = await readTask(bob, old);
    const { data } = await resubmit(operator, old, 'boat-1');
    const { id } = data.resubmitVideo.task;
    expect(data.resubmitVideo.task.resubmissionOf).toEqual({ id: old });
    expect(await readTask(operator, old)).toMatchObject({ resubmissions: [{ id }] });
    expect(await readTask(bob, old)).toEqual(before);
    expect(before.resubmissions).toEqual([]);
    expect(await readTask(bob, id)).toBeNull();

    // A caller of the operator's client without the scope `admin` sees the new task, but not the repeated one.
    const helper = as(app, await createKeyFor(app.databaseUrl, { client: 'operator' }));
    expect(await readTask(helper, id)).toMatchObject({ id, resubmissionOf: null });
    expect(await readTask(helper, old)).toBeNull();

    // The client and the admin see a resubmission by the client itself.
    const own = (await resubmit(bob, old, 'boat-1')).data.resubmitVideo;
    expect(own).toMatchObject({ replayed: false, task: { resubmissionOf: { id: old } } });
    expect((await readTask(bob, old)).resubmissions).toEqual([{ id: own.task.id }]);
    expect((await readTask(operator, old)).resubmissions).toHaveLength(2);
  });

  test('a task from before there were clients belongs to local', async () => {
    const databaseUrl = await databaseWithoutClients(provider, noTask);
    const keys = await createKeysFor(databaseUrl, { local: { client: 'local' }, ann: { client: 'ann' } });
    const now = () => new Date('2026-11-22T13:00:00.000Z');
    const app = await createTestApp({ databaseUrl, now });
    expect(await list(as(app, keys.local))).toEqual([{ id: noTask, client: 'local', prompt: 'An old boat' }]);
    expect(await list(as(app, keys.ann))).toEqual([]);
    const { data } = await as(app, keys.local).query(
      `{ videoTask(id: "${noTask}") { mode referenceImages { ... on VideoUrlImage { url } } } }`,
    );
    expect(data.videoTask).toEqual({
      mode: 'IMAGE_TO_VIDEO',
      referenceImages: [{ url: 'https://images.example.com/1.png' }],
    });
    // Its idempotency key still belongs to it, and only for its client.
    const again = await place(as(app, keys.local), anOrder, 'old-key');
    expect(again.errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
    expect(await placed(as(app, keys.ann), anOrder, 'old-key')).toMatchObject({ replayed: false });
  });
});

test("a subscription to another client's task gets NOT_FOUND and no event", async () => {
  const { app, ann, bob, operator } = await createTenants();
  const id = await ann.submit(anOrder);
  const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status client } }';
  const watch = (speaker: Speaker) => speaker.subscribe(watchDocument, { id });
  const watches = [watch(ann), watch(operator)];
  const queued = { data: { videoTaskUpdated: { status: 'QUEUED', client: 'ann' } } };
  for (const watching of watches) expect((await watching.next()).value).toEqual(queued);
  const foreign = watch(bob);
  expect((await foreign.next()).value).toMatchObject({ errors: notFound.errors });
  app.untilNextCheck();
  const completed = { data: { videoTaskUpdated: { status: 'COMPLETED', client: 'ann' } } };
  for (const watching of watches) expect((await watching.next()).value).toEqual(completed);
  expect(await foreign.next()).toEqual({ value: undefined, done: true });
});

test('two keys of one client share its tasks and its idempotency keys', async () => {
  const { app, bob } = await createTenants();
  const first = await placed(bob, anOrder, 'boat-1');
  const colleague = as(app, await createKeyFor(app.databaseUrl, { client: 'bob' }));
  expect(await placed(colleague, anOrder, 'boat-1')).toEqual({ ...first, replayed: true });
  expect(await list(colleague)).toMatchObject([{ id: first.task.id, client: 'bob' }]);
  expect(app.upstream.submits).toHaveLength(1);
});

test("a client cannot have its own task follow another client's order, nor learn of one", async () => {
  const { ann, bob, operator } = await createTenants();
  const { upstreamId } = await readTask(ann, await taskIn('QUEUED', ann));
  const own = await taskIn('UNCONFIRMED', bob);
  const foreign = await confirm(bob, own, upstreamId);
  expect(foreign).toMatchObject({ data: nothing, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  expect(await confirm(bob, own, 'video_of_nobody')).toEqual(foreign);
  expect(await confirm(operator, own, upstreamId)).toMatchObject(stateConflict);
  expect(await readTask(bob, own)).toMatchObject({ status: 'UNCONFIRMED', upstreamId: null });
});
