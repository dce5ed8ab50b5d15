import { describe, expect, test } from 'vitest';
import { type Answer, anOrder, createTestApp, nothing, type TestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { imagesOf, orderOf, upstreamBodyOf } from '../support/orders.ts';
import { countTasks, isWaiting, placed, readTask } from '../support/placing.ts';
import { reply, reset, startUpstream, type TestUpstream, type Answer as UpstreamAnswer } from '../support/upstream.ts';

const batchDocument = /* GraphQL */ `
  mutation ($orders: [SubmitVideoOrder!]!) {
    submitVideos(orders: $orders) {
      outcomes {
        ... on SubmitVideoPayload { replayed task { id prompt status upstreamId failure { code } } }
        ... on SubmitVideoError { code message retryable taskId }
      }
    }
  }
`;

interface Order {
  readonly input: object;
  readonly idempotencyKey?: string | null;
}

const submitBatch = ({ query }: TestApp, orders: readonly Order[]): Promise<Answer> => query(batchDocument, { orders });

/** The outcomes of a batch that was not refused as a whole. */
async function outcomesOf(app: TestApp, orders: readonly Order[]) {
  const { data, errors } = await submitBatch(app, orders);
  expect(errors).toBeUndefined();
  return data.submitVideos.outcomes;
}

const boat = (prompt: string): object => orderOf('GROK_VIDEO3', { prompt });
const fleet = (count: number): Order[] =>
  Array.from({ length: count }, (_, index) => ({ input: boat(`Boat ${index}`) }));

const promptOf = ({ submits }: TestUpstream): string => String(submits.at(-1)?.['prompt']);

/** What accepts the submit that has just arrived, with its prompt in the id. */
const acceptance = (upstream: TestUpstream): UpstreamAnswer =>
  reply(200, { id: `video of ${promptOf(upstream)}`, status: 'queued' });

/** Accepts every submit but those with another answer for their prompt. */
function byPrompt(upstream: TestUpstream, answers: Record<string, UpstreamAnswer>): UpstreamAnswer {
  return (...exchange) => (answers[promptOf(upstream)] ?? acceptance(upstream))(...exchange);
}

describe.each(databaseProviders)('on %s', (provider) => {
  test('each order has an outcome of its own, in the given order', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const answers = { 'A refused boat': reply(400, { message: 'No.' }), 'A lost boat': reset };
    app.upstream.onSubmit = byPrompt(app.upstream, answers);
    const { task: earlier } = await placed(app, boat('An earlier boat'), 'earlier');
    const outcomes = await outcomesOf(app, [
      { input: boat('A first boat') },
      { input: boat('A refused boat') },
      { input: boat('Another boat'), idempotencyKey: 'earlier' },
      { input: boat('A lost boat') },
      { input: boat('An earlier boat'), idempotencyKey: 'earlier' },
      { input: boat('A last boat'), idempotencyKey: 'last' },
    ]);
    const fine = { replayed: false };
    const failed = (status: string, code: string) => ({ status, upstreamId: null, failure: { code } });
    const made = (prompt: string) => ({ prompt, status: 'QUEUED', upstreamId: `video of ${prompt}`, failure: null });
    expect(outcomes).toMatchObject([
      { ...fine, task: made('A first boat') },
      { ...fine, task: { prompt: 'A refused boat', ...failed('FAILED', 'UPSTREAM_REFUSED') } },
      { code: 'IDEMPOTENCY_KEY_MISMATCH', retryable: false, taskId: earlier.id },
      { ...fine, task: { prompt: 'A lost boat', ...failed('UNCONFIRMED', 'SUBMISSION_UNCONFIRMED') } },
      { replayed: true, task: { ...made('An earlier boat'), id: earlier.id } },
      { ...fine, task: made('A last boat') },
    ]);
    expect(outcomes[2].message).toMatch(/idempotency key/);
    expect(app.upstream.submits).toHaveLength(5);
    expect(await countTasks(app)).toBe(5);
    for (const { task } of outcomes)
      if (task) expect(await readTask(app, task.id)).toMatchObject({ status: task.status });
  });

  test('a batch that is sent again under the same keys is answered with the same tasks', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const orders = fleet(6).map((order, index) => ({ ...order, idempotencyKey: `boat-${index}` }));
    const [first, duplicate] = await Promise.all([outcomesOf(app, orders), outcomesOf(app, orders.toReversed())]);
    const idsOf = (outcomes: { task: { id: string } }[]) => outcomes.map(({ task }) => task.id);
    expect(idsOf(duplicate.toReversed())).toEqual(idsOf(first));
    expect([...first, ...duplicate].filter(({ replayed }) => !replayed)).toHaveLength(orders.length);
    expect(app.upstream.submits).toHaveLength(orders.length);
  });

  test('one key twice in a batch is one order where both are the same, and a mismatch where not', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const twice = [boat('A boat'), boat(' A boat ')].map((input) => ({ input, idempotencyKey: 'same' }));
    const [one, two] = await outcomesOf(app, twice);
    expect(two.task).toEqual(one.task);
    expect(new Set([one.replayed, two.replayed])).toEqual(new Set([true, false]));
    expect(app.upstream.submits).toHaveLength(1);

    const other = [boat('A boat'), boat('A tin boat')].map((input) => ({ input, idempotencyKey: 'other' }));
    const outcomes = await outcomesOf(app, other);
    const codes = outcomes.map(({ code }: { code?: string }) => code);
    expect(new Set(codes)).toEqual(new Set([undefined, 'IDEMPOTENCY_KEY_MISMATCH']));
    expect(app.upstream.submits).toHaveLength(2);
  });
});

test('twenty orders are placed, four at a time', async () => {
  const upstream = await startUpstream();
  const under = { way: 0, most: 0 };
  upstream.onSubmit = (response, request) => {
    const accept = acceptance(upstream);
    under.way++;
    under.most = Math.max(under.most, under.way);
    // Long enough for any further concurrent submit to arrive.
    setTimeout(() => {
      under.way--;
      accept(response, request);
    }, 50);
  };
  const app = await createTestApp({ upstream });
  const outcomes = await outcomesOf(app, fleet(20));
  const prompts = outcomes.map(({ task }: { task: { prompt: string } }) => task.prompt);
  expect(prompts).toEqual(fleet(20).map((_, index) => `Boat ${index}`));
  expect(upstream.submits).toHaveLength(20);
  expect(under.most).toBe(4);
});

test('an order that takes long does not keep the others from being placed', async () => {
  const app = await createTestApp();
  const slow = held(reply(200, { id: 'video_slow', status: 'queued' }));
  app.upstream.onSubmit = byPrompt(app.upstream, { 'Boat 0': slow.answer });
  const batch = outcomesOf(app, fleet(10));
  await expect.poll(() => app.upstream.submits).toHaveLength(10);
  expect(await isWaiting(batch)).toBe(true);
  slow.release();
  expect((await batch)[0]).toMatchObject({ task: { prompt: 'Boat 0', status: 'QUEUED' } });
});

test.each([0, 21])('a batch of %i orders is refused, and nothing is ordered', async (count) => {
  const app = await createTestApp();
  const answer = await submitBatch(app, fleet(count));
  expect(answer).toMatchObject({
    data: nothing,
    errors: [{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['orders'] }] } }],
  });
  expect(app.upstream.submits).toEqual([]);
  expect(await countTasks(app)).toBe(0);
});

test('every order of a batch that is not valid is named by its path, and nothing is ordered', async () => {
  const app = await createTestApp();
  const { data, errors } = await submitBatch(app, [
    { input: anOrder, idempotencyKey: 'boat-1' },
    { input: boat(' ') },
    { input: anOrder, idempotencyKey: 'a b' },
    { input: orderOf('GROK_VIDEO3', { prompt: '', images: imagesOf(['http://127.0.0.1/']) }) },
  ]);
  expect(data).toEqual(nothing);
  expect(errors).toHaveLength(1);
  expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  expect(new Set(errors?.[0]?.extensions.issues?.map(({ path }) => path.join('.')))).toEqual(
    new Set([
      'orders.1.input.grokVideo3.prompt',
      'orders.2.idempotencyKey',
      'orders.3.input.grokVideo3.prompt',
      'orders.3.input.grokVideo3.images.0.url',
    ]),
  );
  expect(app.upstream.submits).toEqual([]);
  expect(await countTasks(app)).toBe(0);
  // Nor is the key of the valid one used up.
  expect(await placed(app, boat('Another boat'), 'boat-1')).toMatchObject({ replayed: false });
});

test('orders of a batch without a key, or with null for it, are all placed, with every default', async () => {
  const app = await createTestApp();
  const outcomes = await outcomesOf(app, [
    { input: anOrder },
    { input: anOrder, idempotencyKey: null },
    { input: orderOf('GROK_VIDEO3_PRO') },
  ]);
  expect(new Set(outcomes.map(({ task }: { task: { id: string } }) => task.id)).size).toBe(3);
  expect(app.upstream.submits).toHaveLength(3);
  const bodies = [upstreamBodyOf('GROK_VIDEO3'), upstreamBodyOf('GROK_VIDEO3_PRO')];
  expect(app.upstream.submits).toEqual(expect.arrayContaining(bodies));
});

test('a stopping service finishes the orders of a batch that were sent, and says of the rest that they were not', async () => {
  const app = await createTestApp();
  const waiting: (() => void)[] = [];
  app.upstream.onSubmit = (...exchange) => {
    const accept = acceptance(app.upstream);
    waiting.push(() => accept(...exchange));
  };
  const batch = outcomesOf(app, fleet(6));
  await expect.poll(() => waiting).toHaveLength(4);
  const stopped = app.app.stop();
  for (const release of waiting) release();
  const outcomes = await batch;
  await stopped;
  expect(outcomes.slice(0, 4)).toMatchObject(Array(4).fill({ task: { status: 'QUEUED' } }));
  const refused = { code: 'SERVICE_STOPPING', retryable: true };
  expect(outcomes.slice(4)).toMatchObject([refused, refused]);
  expect(app.upstream.submits).toHaveLength(4);
});
