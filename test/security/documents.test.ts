import { getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';

const many = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');

const deep = (levels: number): string =>
  `{ videoTask(id: "x") ${'{ resubmissionOf '.repeat(levels - 2)}{ id }${' }'.repeat(levels - 2)} }`;

/** A document of so many characters. */
const long = (characters: number): string => '{ videoModels { name } }'.padEnd(characters, ' ');

/** A body of so many bytes, all of them but a few outside of the document. */
const bodyOf = (bytes: number): string => {
  const body = JSON.stringify({ query: '{ videoModels { name } }', variables: { x: '' } });
  return body.replace('""', () => `"${'x'.repeat(bytes - body.length)}"`);
};

interface Asked {
  readonly query: string;
  readonly variables?: object;
}

interface Case {
  readonly limit: string;
  readonly max: number;
  /** Documents that are exactly at a limit. With one more, each is over it. */
  readonly ask: (amount: number) => Asked;
}

const pages = 'query ($first: Int) { videoTasks(first: $first) { edges { node { id } } } }';

const cases: Record<string, Case> = {
  'tokens that are written': {
    limit: 'MAX_TOKENS',
    max: 100,
    ask: (amount) => ({ query: `{ videoModels { ${many(amount - 5, () => 'name')} } }` }),
  },
  'fields that a fragment selects again and again': {
    limit: 'MAX_TOKENS',
    max: 100,
    // The list of models is 1, ten spreads are 10 and bring 80 along; the rest stands beside them.
    ask: (amount) => ({
      query: `{ videoModels { ${many(10, () => '...F')} ${many(amount - 91, () => 'name')} } }
        fragment F on VideoModel { ${many(8, () => 'name')} }`,
    }),
  },
  levels: { limit: 'MAX_DEPTH', max: 5, ask: (amount) => ({ query: deep(amount) }) },
  'levels within fragments': {
    limit: 'MAX_DEPTH',
    max: 5,
    ask: (amount) => ({
      query: `{ videoTask(id: "x") { ...A } } fragment A on VideoTask { resubmissionOf { ...B } }
        fragment B on VideoTask { ${'resubmissionOf { '.repeat(amount - 3)} id ${' }'.repeat(amount - 3)} }`,
    }),
  },
  aliases: {
    limit: 'MAX_ALIASES',
    max: 5,
    ask: (amount) => ({ query: `{ videoModels { ${many(amount, (i) => `a${i}: name`)} } }` }),
  },
  'aliases that a fragment brings along twice': {
    limit: 'MAX_ALIASES',
    max: 6,
    ask: (amount) => ({
      query: `{ videoModels { ...F ...F ${amount % 2 ? 'c: name' : ''} } } fragment F on VideoModel {
        ${many(Math.floor(amount / 2), (i) => `a${i}: name`)} }`,
    }),
  },
  directives: {
    limit: 'MAX_DIRECTIVES',
    max: 5,
    ask: (amount) => ({ query: `{ videoModels { ${many(amount, () => 'name @skip(if: true)')} inputField } }` }),
  },
  'directives that a fragment brings along twice': {
    limit: 'MAX_DIRECTIVES',
    max: 6,
    ask: (amount) => ({
      query: `{ videoModels { ...F ...F name ${amount % 2 ? '@skip(if: false)' : ''} } } fragment F on VideoModel {
        ${many(Math.floor(amount / 2), (i) => `inputField @skip(if: ${i > 0})`)} }`,
    }),
  },
  characters: { limit: 'MAX_DOCUMENT_CHARACTERS', max: 1_000, ask: (amount) => ({ query: long(amount) }) },
  values: {
    limit: 'MAX_VALUES',
    max: 10_000,
    // Counted are three braces and brackets, and one comma less than there are members in the body and in the list.
    ask: (amount) => ({ query: '{ videoModels { name } }', variables: { x: Array(amount - 3).fill(0) } }),
  },
  'values and not what stands in strings': {
    limit: 'MAX_VALUES',
    max: 200,
    ask: (amount) => ({
      query: '{ videoModels { name } }',
      variables: { x: ['",[{\\"', ...Array(amount - 4).fill(0)] },
    }),
  },
};

const post = ({ url }: TestApp, body: BodyInit): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body,
    duplex: 'half',
  } as RequestInit);

const refusal = (limit: string, max: number) => ({
  errors: [
    {
      message: expect.stringMatching(new RegExp(`${limit}\\) is ${max}\\.$`)),
      extensions: { code: 'LIMIT_EXCEEDED', retryable: false, limit, max },
    },
  ],
});

test.each(Object.entries(cases))(
  'as many %s as the setting says are answered, and one more is not',
  async (_, { limit, max, ask }) => {
    const testApp = await createTestApp({ started: true, settings: { [limit]: String(max) } });
    const most = await (await post(testApp, JSON.stringify(ask(max)))).json();
    expect(most).toEqual({ data: expect.anything() });
    const response = await post(testApp, JSON.stringify(ask(max + 1)));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual(refusal(limit, max));
  },
);

test('the fields of a page count once for each of its items, with the size as a literal or a variable', async () => {
  const byDefault = await createTestApp({ started: true });
  const literal = (first: number) => ({ query: pages.replace('($first: Int) ', '').replace('$first', String(first)) });
  const variable = (first: number) => ({ query: pages, variables: { first } });
  const defaulted = (first: number) => ({ query: pages.replace('$first: Int', `$first: Int = ${first}`) });
  expect(await (await post(byDefault, JSON.stringify(literal(100)))).json()).toEqual({
    data: { videoTasks: { edges: [] } },
  });
  for (const ask of [literal, variable, defaulted]) {
    // The connection is 1, each item the edge, the node and its id.
    const testApp = await createTestApp({ started: true, settings: { MAX_COMPLEXITY: String(1 + 3 * 7) } });
    const send = async (first: number) => (await post(testApp, JSON.stringify(ask(first)))).json();
    expect.soft(await send(7)).toEqual({ data: { videoTasks: { edges: [] } } });
    const { data, errors } = await send(8);
    expect.soft(data ?? null).toBeNull();
    expect.soft({ errors }).toMatchObject({ errors: refusal('MAX_COMPLEXITY', 22).errors });
  }
});

const streamed = (text: string) => new Blob([text]).stream();

test('a body of as many bytes as the setting says is taken, and one more is not, with and without a length', async () => {
  const testApp = await createTestApp({ started: true, settings: { MAX_BODY_BYTES: '2000' } });
  for (const [name, asBody] of Object.entries({ length: (text: string) => text, chunks: streamed })) {
    const taken = await (await post(testApp, asBody(bodyOf(2_000)))).json();
    expect.soft(taken, name).toEqual({ data: { videoModels: expect.any(Array) } });
    const response = await post(testApp, asBody(bodyOf(2_001)));
    expect.soft(response.status, name).toBe(413);
    expect.soft(await response.json(), name).toEqual(refusal('MAX_BODY_BYTES', 2_000));
  }
});

test('a document that spends money twice is refused, also through a fragment, with any other field beside it', async () => {
  const { query, upstream } = await createTestApp({ settings: { MAX_ALIASES: '1000' } });
  const field = 'submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { replayed }';
  for (const document of [
    `mutation { a: ${field} b: ${field} }`,
    `mutation { ...F ...F } fragment F on Mutation { ${field} }`,
    `mutation { ${field} submitVideos(orders: []) { outcomes { ... on SubmitVideoPayload { replayed } } } }`,
    `mutation { ${field} resubmitVideo(id: "x") { replayed } }`,
  ]) {
    const { data, errors } = await query(document);
    expect.soft(data ?? null).toBeNull();
    expect
      .soft(errors, document)
      .toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'PAYING_FIELDS', max: 1 } }]);
  }
  expect(upstream.submits).toEqual([]);
});

test("GraphiQL's question for the schema is answered where introspection is on, and refused where it is off", async () => {
  const introspection = getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true, specifiedByUrl: true });
  const on = await createTestApp({ settings: { INTROSPECTION: 'on' } });
  const { data } = await on.query(introspection);
  expect(data.__schema.types.map(({ name }: { name: string }) => name)).toContain('SubmitVideoInput');
  const off = await createTestApp({ settings: { INTROSPECTION: 'off' } });
  const refused = await off.query(introspection);
  expect(refused.data ?? null).toBeNull();
  expect(refused.errors?.[0]?.message).toContain('introspection has been disabled');
  expect(JSON.stringify(refused)).not.toContain('SubmitVideo');
  // The introspection fields that gateways and clients need reveal nothing.
  expect((await off.query('{ __typename }')).data).toEqual({ __typename: 'Query' });
});

test('recursive introspection is refused where introspection is on', async () => {
  const { query } = await createTestApp({ settings: { INTROSPECTION: 'on' } });
  const circles = `{ __schema { types { ${'fields { type { '.repeat(6)} name ${'} }'.repeat(6)} } } }`;
  const { data, errors } = await query(circles);
  expect(data ?? null).toBeNull();
  expect(errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
});
