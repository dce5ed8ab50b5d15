import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { anOrder, createTestApp, submitDocument, type TestApp } from '../support/app.ts';
import { as, createKeyFor, withAuthorization } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import {
  answerTo,
  answerToToken,
  ecTokenOf,
  expectAllRefused,
  expectGoodLetIn,
  inSeconds,
  jwks,
  letIn,
  publishing,
  refusal,
  startIssuer,
  tokenOf,
} from '../support/issuer.ts';
import { placed } from '../support/placing.ts';
import { type Answer, halfBody, hang, reply, reset, status } from '../support/upstream.ts';

/** Sends tokens with made-up key ids, half of them one after another and half at once; all are refused. */
async function flood(app: TestApp, count: number): Promise<void> {
  const tokens = Array.from({ length: count }, (_, index) => tokenOf('app', {}, { kid: `made-up-${index}` }));
  const answers = [];
  for (const token of tokens.splice(count / 2)) answers.push(await answerToToken(app, token));
  answers.push(...(await Promise.all(tokens.map((token) => answerToToken(app, token)))));
  expect(answers).toEqual(Array(count).fill(refusal));
}

/** How often the issuer may be asked in the minute that a test takes. */
const fewRequests = 12;

test('tokens with made-up key ids cause only a few requests to the issuer, and valid tokens are accepted meanwhile', async () => {
  const issuer = await startIssuer();
  const app = await createTestApp({ settings: issuer.settings });
  await expectGoodLetIn(app);
  await flood(app, 60);
  await expectGoodLetIn(app);
  await flood(app, 60);
  await expectGoodLetIn(app);
  expect(issuer.requests).toBeLessThanOrEqual(fewRequests);
});

test('valid tokens are accepted after tokens with made-up key ids', async () => {
  const issuer = await startIssuer();
  const app = await createTestApp({ settings: issuer.settings });
  await flood(app, 60);
  await expectGoodLetIn(app);
  expect(issuer.requests).toBeLessThanOrEqual(fewRequests);
});

test('many concurrent valid tokens cause one or two requests to the issuer', async () => {
  const issuer = await startIssuer();
  const app = await createTestApp({ settings: issuer.settings });
  const tokens = Array.from({ length: 40 }, (_, index) => (index % 2 ? tokenOf('app') : ecTokenOf('app')));
  const answers = await Promise.all(tokens.map((token) => answerToToken(app, token)));
  expect(answers).toEqual(Array(tokens.length).fill(letIn('jwt:app', 'READ', 'SUBMIT')));
  expect(issuer.requests).toBeLessThanOrEqual(2);
});

test('a key that the issuer has published since is found without a restart', async () => {
  const issuer = await startIssuer();
  issuer.onRequest = publishing({ keys: jwks.keys.filter(({ kid }) => kid === 'rsa-1') });
  const app = await createTestApp({ settings: issuer.settings });
  expect(await answerToToken(app, tokenOf('app'))).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
  await expectAllRefused(app, { 'a token of the key to come': ecTokenOf('app') });
  issuer.onRequest = publishing(jwks);
  const patience = { timeout: 15_000, interval: 1_000 };
  await expect.poll(() => answerToToken(app, ecTokenOf('app')), patience).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
});

test('unusable keys do not keep the other keys of the issuer from being used', async () => {
  const issuer = await startIssuer();
  const unusable = [
    { kty: 'oct', kid: 'secret', k: 'AAAA' },
    { kty: 'EC', crv: 'P-999', kid: 'curve', x: 'AAAA', y: 'AAAA' },
    { kty: 'of the future', kid: 'future' },
    { kty: 'RSA', kid: 'half', n: 'AAAA' },
    { kty: 'RSA', kid: 7 },
    { ...jwks.keys[0], kid: 'sealed', use: 'enc' },
  ];
  issuer.onRequest = publishing({ keys: [...unusable, ...jwks.keys] });
  const app = await createTestApp({ settings: issuer.settings });
  await expectGoodLetIn(app);
  await expectAllRefused(app, { 'a key that is not for signing': tokenOf('app', {}, { kid: 'sealed' }) });
});

const troubles: Record<string, Answer> = {
  'answers 500': reply(500, { keys: [] }),
  'breaks the connection': reset,
  'breaks off in the middle of its answer': halfBody(JSON.stringify(jwks)),
  'answers with a web page': reply(200, '<html>', { 'content-type': 'text/html' }),
  'answers with JSON that is no list of keys': reply(200, 'null'),
  'has no keys': publishing({ keys: [] }),
  'has only keys that nobody can use': publishing({ keys: [null, 7, { kty: 'oct', kid: 'rsa-1', k: 'AAAA' }] }),
  'does not answer': hang,
};

test('while the issuer publishes no keys, no token is accepted, and afterwards all are again', async () => {
  const goodAgain = letIn('jwt:app', 'READ', 'SUBMIT');
  const endings = Object.entries(troubles).map(async ([name, trouble]) => {
    const issuer = await startIssuer();
    const { onRequest } = issuer;
    issuer.onRequest = trouble;
    const app = await createTestApp({ settings: issuer.settings });
    const patience = AbortSignal.timeout(20_000);
    const answers = [await answerToToken(app, tokenOf('app'))];
    const asked = issuer.requests > 0;
    issuer.onRequest = onRequest;
    while (answers.at(-1)?.status !== 200 && !patience.aborted) {
      await sleep(500);
      answers.push(await answerToToken(app, tokenOf('app')));
    }
    return [name, { asked, first: answers[0], last: answers.at(-1) }];
  });
  const late = sleep(25_000, 'not all are answered');
  const ended = await Promise.race([late, Promise.all(endings)]);
  const expected = Object.keys(troubles).map((name) => [name, { asked: true, first: refusal, last: goodAgain }]);
  expect(ended).toEqual(expected);
}, 40_000);

test('tokens with known keys are still accepted while the issuer is down', async () => {
  const issuer = await startIssuer();
  const app = await createTestApp({ settings: issuer.settings });
  await expectGoodLetIn(app);
  issuer.onRequest = reset;
  await flood(app, 6);
  await expectGoodLetIn(app);
});

test("a token's client is another one than a key's of the same name", async () => {
  const issuer = await startIssuer();
  const databaseUrl = await freshDatabase();
  const key = await createKeyFor(databaseUrl, { client: 'app' });
  const app = await createTestApp({ databaseUrl, settings: issuer.settings });
  const [byKey, byToken] = [as(app, key), withAuthorization(app, `Bearer ${tokenOf('app')}`)];
  const viewerDocument = '{ videoClient { name usage { submits } } videoTasks { edges { node { id client } } } }';
  const mine = await placed(byKey, anOrder, 'same');
  const theirs = await placed(byToken, anOrder, 'same');
  expect([mine.replayed, theirs.replayed]).toEqual([false, false]);
  const read = (id: string) => `{ videoTask(id: "${id}") { id } }`;
  expect(await byToken.query(read(mine.task.id))).toEqual({ data: { videoTask: null } });
  expect(await byKey.query(read(theirs.task.id))).toEqual({ data: { videoTask: null } });
  for (const [caller, client, { task }] of [
    [byKey, 'app', mine],
    [byToken, 'jwt:app', theirs],
  ] as const) {
    expect((await caller.query(viewerDocument)).data).toEqual({
      videoClient: { name: client, usage: { submits: 1 } },
      videoTasks: { edges: [{ node: { id: task.id, client } }] },
    });
  }
});

test('a subscription ends at the first event after its token has expired, without that event', async () => {
  const issuer = await startIssuer();
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const app = await createTestApp({ settings: issuer.settings, now, started: true });
  app.upstream.onCheck = status('queued');
  const [short, long] = [600, 7_200].map((seconds) =>
    withAuthorization(app, `Bearer ${tokenOf('app', { exp: inSeconds(seconds) })}`),
  );
  const { task } = (await short!.query(submitDocument, { input: anOrder })).data.submitVideo;
  const watch = async (caller: typeof short, seen: unknown[]) => {
    const document = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
    for await (const event of caller!.subscribe(document, { id: task.id })) seen.push(event);
  };
  const told: Record<'short' | 'long', unknown[]> = { short: [], long: [] };
  const watching = [watch(short, told.short), watch(long, told.long)];
  const queued = { data: { videoTaskUpdated: { status: 'QUEUED' } } };
  await expect.poll(() => told).toEqual({ short: [queued], long: [queued] });

  clock.ahead = 601_000;
  app.upstream.onCheck = status('processing');
  const { message, extensions } = refusal.body.errors[0]!;
  await expect
    .poll(() => told.short, { timeout: 10_000 })
    .toMatchObject([queued, { errors: [{ message, extensions }] }]);
  await watching[0];
  expect(JSON.stringify(told.short)).not.toContain('PROCESSING');
  // A subscription with a longer-lived token goes on.
  await expect
    .poll(() => told.long, { timeout: 10_000 })
    .toEqual([queued, { data: { videoTaskUpdated: { status: 'PROCESSING' } } }]);
  expect(await answerToToken(app, tokenOf('app', { exp: inSeconds(600) }))).toMatchObject({ status: 200 });
});

test('with tokens configured, requests without one are refused, and the service may listen on the network', async () => {
  const issuer = await startIssuer();
  const settings = { ...issuer.settings, HOST: '0.0.0.0' };
  const { url } = await createTestApp({ settings, started: true });
  const ask = async (headers: Record<string, string>) => {
    const body = JSON.stringify({ query: '{ videoClient { name } }' });
    const { port } = new URL(url);
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return [response.status, await response.json()];
  };
  expect(await ask({})).toEqual([401, refusal.body]);
  expect(await ask({ authorization: `Bearer ${tokenOf('app')}` })).toEqual([
    200,
    { data: { videoClient: { name: 'jwt:app' } } },
  ]);
});

test('without tokens or keys the service does not listen on the network', async () => {
  await expect(createTestApp({ settings: { HOST: '0.0.0.0' }, started: true })).rejects.toThrow(/JWT_JWKS_URL/);
});

test('keys and tokens are accepted side by side, with any spelling of the scheme', async () => {
  const issuer = await startIssuer();
  const databaseUrl = await freshDatabase();
  const { key } = await createKeyFor(databaseUrl, { client: 'shop', scopes: ['read'] });
  const app = await createTestApp({ databaseUrl, settings: issuer.settings });
  for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'Bearer  ']) {
    expect(await answerTo(app, scheme + key)).toEqual(letIn('shop', 'READ'));
    expect(await answerTo(app, scheme + tokenOf('app'))).toEqual(letIn('jwt:app', 'READ', 'SUBMIT'));
  }
  for (const other of [
    null,
    key,
    tokenOf('app'),
    `Basic ${key}`,
    `Basic ${tokenOf('app')}`,
    `Bearer${key}`,
    'Bearer',
  ]) {
    expect(await answerTo(app, other)).toEqual(refusal);
  }
});
