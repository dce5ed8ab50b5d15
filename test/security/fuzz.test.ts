import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { apiKey } from '../support/upstream.ts';

/** Texts that no answer may contain. */
const inside =
  /node_modules|\.ts\b|\n\s+at |"stack"|prisma|sqlite|\b(SELECT|INSERT|UPDATE) |INTERNAL_SERVER_ERROR|Unexpected error/;

const documents = [
  '{ videoModels { name inputField duration { inputField values { name value } default { name } } } videoClient { name scopes } }',
  'query ($first: Int, $filter: VideoTaskFilter) { videoTasks(first: $first, filter: $filter) { edges { cursor node { id } } } }',
  'query ($id: ID!) { videoTask(id: $id) { ...Task } } fragment Task on VideoTask { id status video { url } }',
  'query { videoTasks(first: 3, filter: { statuses: [QUEUED], createdAfter: "2026-01-01T00:00:00Z" }) { edges { cursor } } }',
  'mutation ($id: ID!) { abandonVideoTask(id: $id) { task { id } } }',
  'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { replayed task { id } } }',
  'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { replayed } } } }',
  'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }',
  '{ __schema { types { name } } __type(name: "VideoTask") { fields { name } } }',
];

const words = [
  ...new Set(documents.join(' ').match(/\w+/g)),
  ...'{ } ( ) [ ] : ! $ @ ... | & = # " """ , -1 0 1e99 1.5 99999999999 true null skip include on __typename'.split(
    ' ',
  ),
];

const oneOf = <Item>(items: readonly Item[]) => fc.constantFrom(...items);

/** A valid document with some of its parts left out, said twice, or in the place of others. */
const mutated = fc
  .tuple(oneOf(documents), fc.array(fc.tuple(fc.nat(200), fc.nat(2), oneOf(words)), { minLength: 1, maxLength: 6 }))
  .map(([document, changes]) => {
    const parts = document.match(/\w+|[^\w\s]/g) ?? [];
    for (const [place, removed, word] of changes) parts.splice(place % (parts.length + 1), removed, word);
    return parts.join(' ');
  });

const soup = fc.array(oneOf(words), { maxLength: 60 }).map((parts) => parts.join(' '));
const anyText = fc.string({ unit: 'binary', maxLength: 80 });
const names = oneOf([
  'input',
  'orders',
  'id',
  'first',
  'filter',
  'grokVideo3',
  'prompt',
  'statuses',
  'clients',
  '__proto__',
]);
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value;
const variables = fc.oneof(fc.dictionary(names, anyValue, { maxKeys: 4 }), anyValue);

const types = [
  'text/plain',
  'application/graphql',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'application/json',
  '',
  ';',
  'APPLICATION/JSON ; a=b',
];
const accepts = [
  'application/json',
  'application/graphql-response+json',
  'text/event-stream',
  '*/*',
  'multipart/mixed',
  'text/html',
  'nonsense',
];

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

const asJson = (body: unknown): Sent['body'] => JSON.stringify(body);
const post = (body: Sent['body'], type = 'application/json', accept = 'application/json'): Sent => ({
  method: 'POST',
  path: '/graphql',
  headers: { 'content-type': type, accept },
  body,
});

const document = fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 2, arbitrary: soup }, anyText);
const wrongParams = fc.record(
  {
    query: fc.oneof(document, anyValue),
    variables,
    operationName: fc.oneof(anyText, anyValue),
    extensions: variables,
    documentId: anyValue,
  },
  { requiredKeys: [] },
);
const requests = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(document, variables).map(([query, given]) => post(asJson({ query, variables: given }))),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(oneOf(documents), variables).map(([query, given]) => post(asJson({ query, variables: given }))),
  },
  { weight: 2, arbitrary: wrongParams.map((params) => post(asJson(params))) },
  { weight: 1, arbitrary: fc.json().map((body) => post(body)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((body) => post(body)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(oneOf(types), oneOf(accepts), document, variables)
      .map(([type, accept, query, given]) => post(asJson({ query, variables: given }), type, accept)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(oneOf(['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']), document, anyText).map(
      ([method, query, given]): Sent => ({
        method,
        path: `/graphql?${new URLSearchParams({ query: query.toWellFormed(), variables: given.toWellFormed() })}`,
        headers: { accept: 'application/json' },
        body: '',
      }),
    ),
  },
);

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function send(url: string, { method, path, headers, body }: Sent) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; type: string; body: string }>();
  const sent = request(new URL(path, url), {
    method,
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    agent,
  });
  sent.on('response', (got) => {
    const type = got.headers['content-type'] ?? '';
    text(got).then((answer) => resolve({ status: got.statusCode ?? 0, type, body: answer }), reject);
  });
  sent.on('error', reject).end(body);
  return promise;
}

/** What is wrong with an answer; null where nothing is. */
function problemOf({ method }: Sent, { status, type, body }: Awaited<ReturnType<typeof send>>): string | null {
  if (status >= 500 || status < 200) return 'the status';
  if (inside.test(body)) return 'what it says';
  if (body.includes(apiKey) || body.includes(process.cwd())) return 'a secret';
  // These are answered with no body, or with one without a fixed form.
  if (method === 'HEAD' || [204, 405, 406].includes(status)) return null;
  if (/^(text\/event-stream|multipart\/mixed)/.test(type)) return null;
  if (!/^application\/(graphql-response\+)?json/.test(type)) return `the type ${type}`;
  const { data, errors } = JSON.parse(body) as { data?: unknown; errors?: { extensions?: { code?: string } }[] };
  if (data === undefined && !errors) return 'neither data nor errors';
  return errors?.every(({ extensions }) => /^[A-Z_]+$/.test(extensions?.code ?? '')) === false ? 'no code' : null;
}

/** A drill takes more: `FUZZ_REQUESTS=100000 npx vitest run test/security/fuzz`. */
const total = Number(process.env['FUZZ_REQUESTS'] ?? 2_000);

test(`${total} requests that make no sense are answered as what they are, and order nothing`, async () => {
  const testApp = await createTestApp({ started: true, settings: { INTROSPECTION: 'off' } });
  onTestFinished(() => agent.destroy());
  const samples = fc.sample(requests, { numRuns: total, seed: 20_261_122 });
  expect(samples).toHaveLength(total);
  const wrong: object[] = [];
  const seen: Record<number, number> = {};
  const next = samples.values();
  const some = async () => {
    for (const sample of next) {
      const answer = await send(testApp.url, sample).catch((error: Error) => ({
        status: 0,
        type: '',
        body: error.message,
      }));
      seen[answer.status] = (seen[answer.status] ?? 0) + 1;
      const problem = problemOf(sample, answer);
      if (problem && wrong.length < 20) wrong.push({ problem, ...answer, sent: sample });
    }
  };
  await Promise.all(Array.from({ length: 8 }, some));
  expect(wrong).toEqual([]);
  // The requests reached all stages: some were answered, others refused for their form, method or type.
  for (const status of [200, 400, 405, 415]) expect.soft(seen[status], String(status)).toBeGreaterThan(20);
  expect(testApp.upstream.submits).toEqual([]);
  const health = await fetch(new URL('/health', testApp.url));
  expect(health.status).toBe(200);
}, 240_000);
