import { expect, test } from 'vitest';
import { securityHeaders } from '../../src/server/plugins/security-headers.ts';
import { settings } from '../../src/settings.ts';
import { type Guarded, startGuarded } from '../security/guarded.ts';

type Sent = { readonly query: string; readonly variables?: object };

interface Row {
  /** The limit made small, where it is a setting. */
  readonly setting?: readonly [name: string, value: string];
  /** A query that is answered, so that its document is cached afterwards. */
  readonly within: Sent;
  /** A query beyond the limit, as a rule with the same document. */
  readonly beyond: Sent;
  readonly refusal: object;
}

const whoami = '{ videoClient { name } }';
const listed =
  'query ($first: Int, $filter: VideoTaskFilter) { videoTasks(first: $first, filter: $filter) { __typename } }';
const nodes = 'query ($first: Int) { videoTasks(first: $first) { edges { node { id } } } }';
const entities = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }';
const many = (count: number, part: string) => `${part} `.repeat(count);
const clients = (count: number) => Array.from({ length: count }, (_, index) => `client ${index}`);
const deep = (levels: number): unknown => (levels === 0 ? 0 : [deep(levels - 1)]);

const exceeded = (limit: string, max: number) => ({ code: 'LIMIT_EXCEEDED', limit, max });
const invalid = { code: 'BAD_USER_INPUT' };

/** A limit that a setting names, on what a document may be: beyond it no document is cached. */
const ofDocuments = (name: string, max: number, query: string): Row => ({
  setting: [name, String(max)],
  within: { query: whoami },
  beyond: { query },
  refusal: exceeded(name, max),
});

/** Every limit on a query. */
const rows: Record<string, Row> = {
  'values in the body': {
    setting: ['MAX_VALUES', '50'],
    within: { query: listed, variables: { filter: { clients: clients(5) } } },
    beyond: { query: listed, variables: { filter: { clients: clients(60) } } },
    refusal: exceeded('MAX_VALUES', 50),
  },
  'levels of the body': {
    within: { query: whoami, variables: { unused: deep(60) } },
    beyond: { query: whoami, variables: { unused: deep(63) } },
    refusal: { code: 'BAD_REQUEST' },
  },
  'bytes of the body': {
    setting: ['MAX_BODY_BYTES', '2000'],
    within: { query: whoami, variables: { unused: 'x'.repeat(1_000) } },
    beyond: { query: whoami, variables: { unused: 'x'.repeat(2_000) } },
    refusal: exceeded('MAX_BODY_BYTES', 2_000),
  },
  complexity: {
    setting: ['MAX_COMPLEXITY', '200'],
    within: { query: nodes, variables: { first: 10 } },
    beyond: { query: nodes, variables: { first: 100 } },
    refusal: exceeded('MAX_COMPLEXITY', 200),
  },
  'the size of a page': {
    within: { query: listed, variables: { first: 100 } },
    beyond: { query: listed, variables: { first: 101 } },
    refusal: invalid,
  },
  'clients in a filter': {
    within: { query: listed, variables: { filter: { clients: clients(100) } } },
    beyond: { query: listed, variables: { filter: { clients: clients(101) } } },
    refusal: invalid,
  },
  'entities at once': {
    within: { query: entities, variables: { r: [{ __typename: 'VideoModel', name: 'GROK_VIDEO3' }] } },
    beyond: { query: entities, variables: { r: Array(1_001).fill(0) } },
    refusal: invalid,
  },
  characters: ofDocuments('MAX_DOCUMENT_CHARACTERS', 200, whoami.padEnd(201)),
  tokens: ofDocuments('MAX_TOKENS', 20, `{ videoClient { ${many(20, 'name')} } }`),
  depth: ofDocuments('MAX_DEPTH', 3, '{ videoTasks { edges { node { id } } } }'),
  aliases: ofDocuments('MAX_ALIASES', 1, '{ a: videoClient { name } b: videoClient { name } }'),
  directives: ofDocuments('MAX_DIRECTIVES', 1, `{ videoClient { name ${many(2, '@include(if: true)')} } }`),
  'characters of a name': {
    within: { query: whoami },
    beyond: { query: `{ videoClient { ${'n'.repeat(256)}: name } }` },
    refusal: exceeded('NAME_CHARACTERS', 255),
  },
};

test('the table has a row for each setting that limits a query', () => {
  const named = Object.values(rows).map(({ setting }) => setting?.[0]);
  // No subscription, connection, video, upload or order is a query.
  const others = ['SUBSCRIPTIONS', 'CONNECTIONS', 'VIDEO_BYTES', 'UPLOADS', 'WAIT_HOURS', 'WAITING'].map(
    (of) => `MAX_${of}`,
  );
  const limits = Object.keys(settings.shape).filter((name) => name.startsWith('MAX_') && !others.includes(name));
  expect(new Set(named.filter((name) => name !== undefined))).toEqual(new Set(limits));
});

/** With a parameter, the content type is out of the ordinary, and the request is answered by Yoga. */
const byYoga = { 'content-type': 'application/json; charset=utf-8' };

/** Sends a query until it is answered by the fast path, as the log says. */
async function untilFast(service: Guarded, query: Sent): Promise<void> {
  await expect
    .poll(async () => {
      const requestId = crypto.randomUUID();
      const { data, errors } = await (await service.send(query, { 'x-request-id': requestId })).json();
      expect({ data, errors }).toEqual({ data: expect.anything(), errors: undefined });
      await service.send({ query: '{ __typename }' });
      return service.log().includes(`"requestId":"${requestId}","msg":"answered by the fast path"`);
    })
    .toBe(true);
}

test.each(Object.entries(rows))(
  'the limit on %s holds for a query that is cached as for one that is new',
  async (_, row) => {
    const { setting, within, beyond, refusal } = row;
    const service = await startGuarded({ LOG_LEVEL: 'trace', ...(setting && Object.fromEntries([setting])) });
    const asNew = await service.send(beyond, byYoga);
    const refused = await asNew.json();
    expect(refused.data ?? null).toBeNull();
    expect(refused.errors).toMatchObject([{ extensions: refusal }]);
    await untilFast(service, within);
    for (let time = 0; time < 3; time++) {
      const asCached = await service.send(beyond);
      expect([asCached.status, await asCached.json()]).toEqual([asNew.status, refused]);
    }
  },
);

test('with FAST_PATH=off no request is answered by the fast path', async () => {
  const service = await startGuarded({ LOG_LEVEL: 'trace', FAST_PATH: 'off' });
  const ids = ['first', 'second', 'third'];
  for (const id of ids) {
    const answer = await service.send({ query: whoami }, { 'x-request-id': id });
    expect(await answer.text()).toBe('{"data":{"videoClient":{"name":"app"}}}');
  }
  // What Yoga says of each request that goes through it.
  const throughYoga = () => [
    ...service.log().matchAll(/"requestId":"(\w+)","msg":"Processing GraphQL Parameters done/g),
  ];
  await expect.poll(() => throughYoga().map(([, id]) => id)).toEqual(ids);
  expect(service.log()).not.toContain('fast path');
});

test('an answer has the id of its request and the headers for browsers both ways', async () => {
  const service = await startGuarded({ LOG_LEVEL: 'trace' });
  await untilFast(service, { query: whoami });
  const headersOf = async (requestId: string, headers: Record<string, string> = {}) => {
    const answer = await service.send({ query: whoami }, { 'x-request-id': requestId, ...headers });
    return Object.fromEntries(answer.headers);
  };
  const { date, 'x-request-id': id, ...fast } = await headersOf('by-the-fast-path');
  await expect.poll(() => service.log()).toContain('"requestId":"by-the-fast-path","msg":"answered by the fast path"');
  const { date: _, 'x-request-id': yogaId, ...yoga } = await headersOf('by-yoga', byYoga);
  expect([id, yogaId]).toEqual(['by-the-fast-path', 'by-yoga']);
  expect(fast).toEqual(yoga);
  expect(fast).toMatchObject(securityHeaders);
  expect(service.log()).not.toContain('"requestId":"by-yoga","msg":"answered by the fast path"');
});
