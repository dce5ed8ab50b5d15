import {
  buildSchema,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  lexicographicSortSchema,
  printType,
  validateSchema,
} from 'graphql';
import { expect, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { schema } from '../../src/graphql/schema.ts';
import { createTestApp } from '../support/app.ts';
import { type ComposerName, compose, productsSdl, videosSdl } from '../support/composing.ts';
import { variantOf } from '../support/orders.ts';

/** A graph that has lists of its own, as almost every graph does. */
const reviewsSdl = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@key", "@shareable"])
  type Query { reviews(first: Int, after: String): ReviewConnection! }
  type ReviewConnection { edges: [ReviewEdge!]! pageInfo: PageInfo! }
  type ReviewEdge { cursor: String! node: Review! }
  type Review @key(fields: "id") { id: ID! at: DateTime! video: VideoTask model: VideoModel }
  type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type VideoTask @key(fields: "id", resolvable: false) { id: ID! }
  type VideoModel @key(fields: "name", resolvable: false) { name: VideoModelName! }
  enum VideoModelName { ${modelNames.join(' ')} }
  scalar DateTime
`;

/** A graph that has types and root fields of the names that graphs usually have, all meaning something else. */
const socialSdl = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@key"])
  type Query {
    viewer: User
    client(id: ID!): Client
    video(id: ID!): Video
    task(id: ID!): Task
    node(id: ID!): User
  }
  type User @key(fields: "id") { id: ID! name: String! videos: [Video!]! usage: Usage! }
  type Client { id: ID! scopes: [Scope!]! limits: Limits }
  type Video @key(fields: "id") { id: ID! ratio: AspectRatio resolution: Resolution images: [ReferenceImage!]! }
  type Task { id: ID! status: Status! error: RequestErrorCode billing: BillingUnit }
  type ReferenceImage { id: ID! }
  type IntRange { from: Int! to: Int! }
  type Usage { views: IntRange! }
  type Limits { views: Int! }
  enum AspectRatio { WIDE SQUARE }
  enum Resolution { HD UHD }
  enum BillingUnit { DAY }
  enum Scope { OWNER }
  enum Status { DONE }
  enum RequestErrorCode { OOPS }
  scalar PublicUrl
`;

const videos = videosSdl;
const sets: Record<string, Record<string, string>> = {
  alone: { videos },
  'with products': { videos, products: productsSdl },
  'with a graph that has the usual names': { videos, social: socialSdl },
  'with products and a graph that has lists': { videos, products: productsSdl, reviews: reviewsSdl },
};
const composers: readonly ComposerName[] = ['hive', 'apollo'];
const cases = composers.flatMap((composer) => Object.keys(sets).map((set) => [composer, set] as const));

/** An input type and everything that can stand in it, as SDL by name. */
function inputsFrom(root: string, from: GraphQLSchema): Record<string, string> {
  const sorted = lexicographicSortSchema(from);
  const found: Record<string, string> = {};
  const visit = (name: string): void => {
    const type = sorted.getType(name);
    if (!type || name in found) return;
    found[name] = printType(type);
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) visit(getNamedType(field.type).name);
  };
  visit(root);
  return found;
}

test.each(cases)('%s composes the service %s without an error or a hint', (composer, set) => {
  const { supergraph, complaints } = compose(composer, sets[set]!);
  expect(complaints).toEqual([]);
  expect(supergraph).toContain('type VideoTask');
});

test.each(cases)('in what %s composes %s, everything an order can say is as it was', (composer, set) => {
  const { supergraph } = compose(composer, sets[set]!);
  const own = inputsFrom('SubmitVideoOrder', schema);
  expect(Object.keys(own)).toEqual(
    expect.arrayContaining(['SubmitVideoInput', 'GrokVideo3MaxDuration', 'VideoImageUrl']),
  );
  for (const model of modelNames) expect(own['SubmitVideoInput']).toContain(`${variantOf(model)}: `);
  expect(own['SubmitVideoInput']).toContain('input SubmitVideoInput @oneOf {');
  // Apollo's composer drops the directive: then it is the subgraph that refuses an order from two models.
  const kept = Object.entries(own).map(([name, sdl]) => [
    name,
    composer === 'hive' ? sdl : sdl.replace(' @oneOf {', ' {'),
  ]);
  expect(inputsFrom('SubmitVideoOrder', buildSchema(supergraph))).toEqual(Object.fromEntries(kept));
});

test.each(composers)(
  'in the graph composed by %s, clients find every field of the contract and none that is only for gateways',
  (composer) => {
    const composed = buildSchema(compose(composer, { videos }).supergraph);
    const fieldsOf = (of: GraphQLSchema) =>
      Object.values(of.getTypeMap())
        .filter(({ name }) => !/^_|^join__|^link__/.test(name))
        .flatMap((type) =>
          'getFields' in type ? Object.keys(type.getFields()).map((name) => `${type.name}.${name}`) : [],
        )
        .filter((path) => !path.startsWith('Query._'));
    expect(new Set(fieldsOf(composed))).toEqual(new Set(fieldsOf(schema)));
  },
);

test('every type and root field that a larger graph could have too has Video in its name', () => {
  const shared = ['PageInfo', 'DateTime', 'Query', 'Mutation', 'Subscription'];
  const builtIn = ['String', 'Int', 'Float', 'Boolean', 'ID'];
  const types = Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('_'));
  const foreign = [...shared, ...builtIn];
  expect(types.filter((name) => !name.includes('Video') && !foreign.includes(name))).toEqual([]);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {})).filter((name) => !name.startsWith('_'));
  expect(fields.filter((name) => !/video/i.test(name))).toEqual([]);
});

test('tools that only know GraphQL can read the file as it is', () => {
  const built = buildSchema(videosSdl);
  expect(validateSchema(built)).toEqual([]);
  expect(inputsFrom('SubmitVideoOrder', built)).toEqual(inputsFrom('SubmitVideoOrder', schema));
});

test('a gateway gets the text of the file, with and without introspection', async () => {
  for (const introspection of ['on', 'off']) {
    const { query } = await createTestApp({ settings: { INTROSPECTION: introspection } });
    expect(await query('{ _service { sdl } }')).toEqual({ data: { _service: { sdl: videosSdl } } });
  }
});
