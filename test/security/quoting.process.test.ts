import { expect, test } from 'vitest';
import { startGuarded } from './guarded.ts';

/** Texts that once were quoted whole, or that an expression took minutes for, by what they are made of. */
const hostile: Record<string, string> = {
  'one character': 'x',
  'the words that stand before a suggestion': ' Did you mean ',
  'quotes and backslashes': '\\"',
  'half a surrogate pair': '\ud83d',
  'colons and dots': ':.',
  spaces: ' ',
};

const megabyte = 1024 * 1024;

/** A megabyte of it, as JSON. */
const longOf = (part: string): string => part.repeat(megabyte / JSON.stringify(part).length);

/** As much as a document may have, as a literal in it. */
const literalOf = (part: string): string => JSON.stringify(part.repeat(90_000 / JSON.stringify(part).length));

type Body = Readonly<Record<string, unknown>>;

const list = 'query ($first: Int, $after: String, $filter: VideoTaskFilter) {';
const order =
  'mutation ($input: SubmitVideoInput!, $key: String) { submitVideo(input: $input, idempotencyKey: $key) { replayed } }';
const batch =
  'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoError { message } } } }';
const boat = { prompt: 'A paper boat' };

const listed = (variables: object): Body => ({
  query: `${list} videoTasks(first: $first, after: $after, filter: $filter) { pageInfo { hasNextPage } } }`,
  variables,
});
const byId =
  (field: string) =>
  (text: string): Body => ({
    query: `${field === 'videoTask' ? 'query' : 'mutation'} ($id: ID!) { ${field}(id: $id) { __typename } }`,
    variables: { id: text },
  });
const ordered = (input: object, key?: string): Body => ({ query: order, variables: { input, key } });

/** Where a text can stand in a request. */
const places: Record<string, (text: string) => Body> = {
  'a whole number': (text) => listed({ first: text }),
  'a whole number, deep in a list': (text) => listed({ first: [[{ [text]: [text] }]] }),
  'a cursor': (text) => listed({ after: text }),
  'a time': (text) => listed({ filter: { createdAfter: text } }),
  'a time that is an object': (text) => listed({ filter: { createdAfter: { at: text } } }),
  'an enum value': (text) => listed({ filter: { statuses: [text] } }),
  'a client': (text) => listed({ filter: { clients: [text] } }),
  'an unknown member of an input': (text) => listed({ filter: { [text]: 1 } }),
  'fifty unknown members beside it': (text) =>
    listed({ filter: { clients: text, ...Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x${i}`, i])) } }),
  'an id that is read': byId('videoTask'),
  'an id that is abandoned': byId('abandonVideoTask'),
  'an id that is ordered again': byId('resubmitVideo'),
  'an id that is watched': (text) => ({
    query: 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { id } }',
    variables: { id: text },
  }),
  "the upstream's id": (text) => ({
    query: 'mutation ($x: String!) { confirmVideoTask(id: "x", upstreamId: $x) { __typename } }',
    variables: { x: text },
  }),
  'an idempotency key': (text) => ordered({ grokVideo3: boat }, text),
  'a prompt': (text) => ordered({ grokVideo3: { prompt: `x${text}x` } }),
  'an order where one is an object': (text) => ordered({ grokVideo3: text }),
  'a model': (text) => ordered({ [text]: boat }),
  'two models': (text) => ordered({ grokVideo3: { prompt: text }, grokVideo3Pro: { prompt: text } }),
  'a length': (text) => ordered({ grokVideo3: { ...boat, duration: text } }),
  'a ratio': (text) => ordered({ grokVideo3: { ...boat, aspectRatio: text } }),
  'a reference image': (text) => ordered({ grokVideo3: { ...boat, images: [text] } }),
  'the form of a reference image': (text) => ordered({ grokVideo3: { ...boat, images: [{ [text]: 1 }] } }),
  'a URL of a reference image': (text) => ordered({ grokVideo3: { ...boat, images: [{ url: `https://${text}` }] } }),
  'a data URI': (text) => ordered({ grokVideo3: { ...boat, images: [{ dataUri: `data:image/${text}` }] } }),
  'an order of a batch': (text) => ({
    query: batch,
    variables: { orders: [{ input: { grokVideo3: boat }, [text]: 1 }] },
  }),
  'an entity': (text) => ({
    query: 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }',
    variables: {
      r: [text, { __typename: text }, { __typename: 'VideoTask', id: text }, { __typename: 'VideoModel', name: text }],
    },
  }),
  'an operation': (text) => ({
    query: 'query A { videoClient { name } } query B { videoClient { name } }',
    operationName: text,
  }),
  'an operation that is an object': (text) => ({ query: '{ videoClient { name } }', operationName: { name: text } }),
  'variables that are a text': (text) => ({ query: '{ videoClient { name } }', variables: text }),
  'extensions that are a text': (text) => ({ query: '{ videoClient { name } }', extensions: text }),
  'an unknown member of the body': (text) => ({ query: '{ videoClient { name } }', [text]: 1 }),
  'the id of a document': (text) => ({ documentId: text }),
  'the hash of a document': (text) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: text } } }),
  'a document': (text) => ({ query: text }),
  'a literal of the wrong type': (text) => ({
    query: `{ videoTasks(first: ${literalOf(text.slice(0, 14))}) { __typename } }`,
  }),
  'a literal enum value': (text) => ({
    query: `{ videoTasks(filter: { statuses: [${literalOf(text.slice(0, 14))}] }) { __typename } }`,
  }),
  'a literal id': (text) => ({
    query: `mutation { abandonVideoTask(id: ${literalOf(text.slice(0, 14))}) { __typename } }`,
  }),
};

/** More than any error takes, with all of its problems, and far less than what was sent. */
const maxAnswer = 16 * 1024;

const expectedCode =
  /^(BAD_USER_INPUT|BAD_REQUEST|NOT_FOUND|FORBIDDEN|LIMIT_EXCEEDED|GRAPHQL_\w+|OPERATION_RESOLUTION_FAILURE|PERSISTED_QUERY_NOT_SUPPORTED)$/;

test.each(Object.entries(hostile))(
  'neither an answer nor a log line quotes a megabyte, wherever it stands in a request: %s',
  async (_, part) => {
    const service = await startGuarded({ LOG_LEVEL: 'debug', INTROSPECTION: 'off' });
    for (const [place, bodyWith] of Object.entries(places)) {
      const response = await service.send(bodyWith(longOf(part)));
      const text = await response.text();
      expect.soft(text.length, place).toBeLessThan(maxAnswer);
      expect.soft(response.status, place).toBeLessThan(500);
      const { errors = [] } = text.startsWith('{') ? JSON.parse(text) : {};
      for (const { message, extensions } of errors) {
        expect.soft(message.length, place).toBeLessThan(510);
        expect.soft(extensions.code, place).toMatch(expectedCode);
      }
    }
    for (const line of service.log().split('\n')) expect.soft(line.length).toBeLessThan(maxAnswer);
    expect(service.upstream.submits).toEqual([]);
  },
  120_000,
);
