/** A graph of products that shows videos with them: `node products.ts 4102`. It never asks the video service itself. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { createYoga } from 'graphql-yoga';

interface Product {
  readonly id: string;
  readonly name: string;
  videoTaskId: string | null;
}

/** All that this graph knows of a task: the gateway asks the video service for the rest. */
type TaskReference = Pick<Product, 'id'>;

const products = new Map(
  Array.from({ length: 50 }, (_, index): [string, Product] => {
    const id = String(index + 1);
    return [id, { id, name: `Paper boat no. ${id}`, videoTaskId: null }];
  }),
);

function attachVideo(_: unknown, { productId, videoTaskId }: { productId: string; videoTaskId: string }) {
  const product = products.get(productId);
  if (product) product.videoTaskId = videoTaskId;
  return product;
}

const resolvers = {
  Query: {
    products: () => [...products.values()],
    product: (_: unknown, { id }: { id: string }) => products.get(id),
  },
  Mutation: { attachVideo },
  Product: {
    __resolveReference: ({ id }: Product) => products.get(id),
    video: ({ videoTaskId }: Product): TaskReference | null => (videoTaskId === null ? null : { id: videoTaskId }),
  },
  VideoTask: {
    __resolveReference: ({ id }: TaskReference): TaskReference => ({ id }),
    product: ({ id }: TaskReference) => products.values().find(({ videoTaskId }) => videoTaskId === id),
  },
};

const typeDefs = parse(readFileSync(new URL('products.graphql', import.meta.url), 'utf8'));
const yoga = createYoga({ schema: buildSubgraphSchema([{ typeDefs, resolvers }]) });
const port = Number(process.argv[2] ?? 4102);
createServer(yoga).listen(port, '127.0.0.1', () => console.log(`Products at http://127.0.0.1:${port}/graphql`));
