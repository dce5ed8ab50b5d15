import { beforeAll, describe, expect, test } from 'vitest';
import { anOrder, nothing, readEvents } from '../support/app.ts';
import { ask, type GatewayName, type Graph, gatewayNames, gateways, send, startGraph, withKey } from './graph.ts';

let graph: Graph;
beforeAll(async () => {
  graph = await startGraph();
  return graph.stop;
});

const submitDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!) {
    submitVideo(input: $input) { replayed task { id status failure { code message retryable mayBeBilled } } }
  }
`;
const attachDocument = /* GraphQL */ `
  mutation ($productId: ID!, $id: ID!) {
    attachVideo(productId: $productId, videoTaskId: $id) { name video { prompt product { name } } }
  }
`;
const watchDocument = /* GraphQL */ `
  subscription ($id: ID!) { videoTaskUpdated(id: $id) { status video { durationSeconds } product { name } } }
`;
const newestDocument = '{ videoTasks(first: 1) { edges { node { id } } } }';

/** Asks as the client `app`. */
const askAt = (url: string, document: string, variables: object = {}, headers: Record<string, string> = {}) =>
  ask(url, document, variables, { ...withKey(graph.keys.app), ...headers });

async function submitAt(url: string, input: object = anOrder): Promise<string> {
  const { data, errors } = await askAt(url, submitDocument, { input });
  expect(errors).toBeUndefined();
  return data.submitVideo.task.id;
}

const newestTask = async () => (await askAt(graph.service, newestDocument)).data.videoTasks.edges[0].node.id;

const wrongOrders = {
  'from two models': { grokVideo3: { prompt: 'One' }, grokVideo3Pro: { prompt: 'Two' } },
  'from none': {},
  'from one that is null': { grokVideo3: null },
  'from one, and another that is null': { grokVideo3: { prompt: 'One' }, grokVideo3Pro: null },
};

describe.each(gatewayNames)('behind %s', (name: GatewayName) => {
  const { composer } = gateways[name];
  const url = () => graph.urls[name];

  test('a video is ordered, and both graphs know of each other', async () => {
    const { data } = await askAt(url(), submitDocument.replace('task {', 'task { product { name }'), {
      input: anOrder,
    });
    expect(data.submitVideo.task).toMatchObject({ status: 'QUEUED', failure: null, product: null });
    const { id } = data.submitVideo.task;
    const attached = await askAt(url(), attachDocument, { productId: '1', id });
    const product = { name: 'Paper boat no. 1' };
    expect(attached.data.attachVideo).toEqual({ ...product, video: { prompt: 'A paper boat', product } });
    const found = await askAt(url(), 'query ($id: ID!) { videoTask(id: $id) { status product { name } } }', { id });
    expect(found.data.videoTask).toMatchObject({ product });
  });

  test('the videos of 50 products are asked for at once', async () => {
    const orders = Array.from({ length: 50 }, (_, index) => ({ input: { grokVideo3: { prompt: `Boat ${index}` } } }));
    const ids: string[] = [];
    for (const inputs of [orders.slice(0, 20), orders.slice(20, 40), orders.slice(40)]) {
      const document =
        'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { task { id } } } } }';
      const { data } = await askAt(url(), document, { orders: inputs });
      ids.push(...data.submitVideos.outcomes.map(({ task }: { task: { id: string } }) => task.id));
    }
    const attaching = ids.map(
      (id, index) => `p${index}: attachVideo(productId: "${index + 1}", videoTaskId: "${id}") { id }`,
    );
    await askAt(url(), `mutation { ${attaching.join('\n')} }`);

    graph.seen.length = 0;
    const { data } = await askAt(url(), '{ products { name video { id prompt options { durationSeconds } } } }');
    const videos = ids.map((id, index) => ({ id, prompt: `Boat ${index}`, options: { durationSeconds: 10 } }));
    expect(data.products.map(({ video }: { video: unknown }) => video)).toEqual(videos);
    expect(graph.seen).toHaveLength(1);
    const [{ query, variables } = { query: '', variables: {} }] = graph.seen;
    expect(query.match(/_entities\(/g)).toHaveLength(1);
    const [representations] = Object.values(variables) as object[][];
    expect(new Set(representations)).toEqual(new Set(ids.map((id) => ({ __typename: 'VideoTask', id }))));
  });

  test.each([
    ['that breaks its rules', { grokVideo3: { prompt: ' ', images: [{ url: 'http://10.0.0.1/' }] } }, 2],
    [
      'whose values do not fit',
      { grokVideo3Max: { prompt: 'A boat', images: [{ url: 'ftp://example.com/1.png' }] } },
      1,
    ],
  ])('an order %s is refused in the words of the service', async (_, input, problems) => {
    const newest = await newestTask();
    const own = await askAt(graph.service, submitDocument, { input });
    const answer = await askAt(url(), submitDocument, { input });
    expect(answer.data).toEqual(nothing);
    expect(own.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(own.errors?.[0]?.extensions.issues).toHaveLength(problems);
    // A gateway says whose error it is, and may call the variable as it likes.
    const expected = own.errors?.map(({ message, extensions }) => ({
      message,
      extensions: { ...extensions, serviceName: 'videos' },
    }));
    const found = answer.errors?.map(({ message, extensions }) => ({ message, extensions }));
    expect(JSON.parse(JSON.stringify(found).replaceAll('_submitVideo_input', 'input'))).toEqual(expected);
    expect(await newestTask()).toBe(newest);
  });

  test('what went wrong with a valid order is on the task', async () => {
    const input = { grokVideo3: { prompt: 'sandbox:refuse' } };
    const own = await askAt(graph.service, submitDocument, { input });
    const { data, errors } = await askAt(url(), submitDocument, { input });
    expect(errors).toBeUndefined();
    expect(data.submitVideo.task).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_REFUSED' } });
    expect(data.submitVideo.task.failure).toEqual(own.data.submitVideo.task.failure);
  });

  test.each(Object.entries(wrongOrders))('an order %s is refused, and nothing is ordered', async (_, input) => {
    const newest = await newestTask();
    graph.seen.length = 0;
    const inDocument = JSON.stringify(input).replace(/"(\w+)":/g, '$1:');
    const [byVariable, byLiteral] = [
      await askAt(url(), submitDocument, { input }),
      await askAt(url(), `mutation { submitVideo(input: ${inDocument}) { task { id } } }`),
    ];
    for (const { errors } of [byVariable, byLiteral]) {
      expect(errors?.map(({ message }) => message).join()).toMatch(/one key|must be non-null/);
    }
    if (composer === 'hive') {
      // The supergraph has kept @oneOf: the gateway itself refuses.
      expect(graph.seen).toEqual([]);
    } else {
      expect(byVariable.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', serviceName: 'videos' } }]);
      const { code } = byLiteral.errors?.[0]?.extensions ?? {};
      expect(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED']).toContain(code);
    }
    expect(await newestTask()).toBe(newest);
  });

  test('a request without a key, or with a wrong one, is refused', async () => {
    const newest = await newestTask();
    for (const headers of [{}, withKey('gvk_000000000000_nonsense'), withKey('not.a.token')]) {
      for (const [document, variables] of [
        [newestDocument, {}],
        [submitDocument, { input: anOrder }],
      ] as const) {
        const { data, errors } = await ask(url(), document, variables, headers);
        expect(data).toEqual(nothing);
        expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      }
    }
    expect(await newestTask()).toBe(newest);
  });

  test('clients that ask the same at the same time see their own tasks only', async () => {
    const id = await submitAt(url());
    await askAt(url(), attachDocument, { productId: '2', id });
    const document =
      '{ videoClient { name } product(id: "2") { video { client } } videoTasks { edges { node { client } } } }';
    const { app, other } = graph.keys;
    const asking = [app, other, app, other, app, other].map((key) => ask(url(), document, {}, withKey(key)));
    for (const [index, { data }] of (await Promise.all(asking)).entries()) {
      const client = index % 2 === 0 ? 'app' : 'other';
      expect(data.videoClient.name).toBe(client);
      expect(data.product.video).toEqual(client === 'app' ? { client } : null);
      const clients = data.videoTasks.edges.map(({ node }: { node: { client: string } }) => node.client);
      expect(new Set(clients)).toEqual(new Set(client === 'app' ? ['app'] : []));
    }
  });

  test('an order that is sent twice is ordered twice, and once with an idempotency key', async () => {
    const ids = await Promise.all([submitAt(url()), submitAt(url())]);
    expect(new Set(ids).size).toBe(2);
    const header = { 'idempotency-key': `boat of ${name}`.replaceAll(' ', '-') };
    const submit = async () => (await askAt(url(), submitDocument, { input: anOrder }, header)).data.submitVideo;
    const [first, second] = [await submit(), await submit()];
    expect(second).toMatchObject({ replayed: true, task: { id: first.task.id } });
  });
});

const subscribing = gatewayNames.filter((name) => gateways[name].gateway === 'hive');

test.concurrent.each(subscribing)('%s streams a task to its end, with what other graphs know of it', async (name) => {
  const id = await submitAt(graph.urls[name]);
  const productId = String(10 + subscribing.indexOf(name));
  await askAt(graph.urls[name], attachDocument, { productId, id });
  const headers = { ...withKey(graph.keys.app), accept: 'text/event-stream' };
  const seen: { status: string; video: unknown; product: unknown }[] = [];
  for await (const { data } of readEvents(await send(graph.urls[name], watchDocument, { id }, headers))) {
    seen.push(data.videoTaskUpdated);
  }
  expect(new Set(seen.map(({ status }) => status))).toEqual(new Set(['QUEUED', 'PROCESSING', 'COMPLETED']));
  expect(seen.at(-1)).toMatchObject({
    video: { durationSeconds: 10 },
    product: { name: `Paper boat no. ${productId}` },
  });
});

test.each(subscribing)('%s streams nothing to a client with a wrong key', async (name) => {
  const headers = { ...withKey('nonsense'), accept: 'text/event-stream' };
  const id = await submitAt(graph.urls[name]);
  const seen = [];
  for await (const answer of readEvents(await send(graph.urls[name], watchDocument, { id }, headers)))
    seen.push(answer);
  expect(seen).toMatchObject([{ data: nothing, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }]);
});
