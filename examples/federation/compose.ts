/** Prints the supergraph of both graphs: `node compose.ts <URL of videos> <URL of products> > supergraph.graphql` */
import { readFileSync } from 'node:fs';
import { assertCompositionSuccess, composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';

const read = (path: string) => parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const [, , videos = 'http://127.0.0.1:4101/graphql', products = 'http://127.0.0.1:4102/graphql'] = process.argv;

// Hive's composer keeps @oneOf, so that the gateway itself refuses an order from two models.
const composed = composeServices([
  { name: 'videos', url: videos, typeDefs: read('../../schema.graphql') },
  { name: 'products', url: products, typeDefs: read('products.graphql') },
]);
assertCompositionSuccess(composed);
console.log(composed.supergraphSdl);
