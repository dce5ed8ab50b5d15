import { readFileSync } from 'node:fs';
import { composeServices as composeWithApollo } from '@apollo/composition';
import { composeServices as composeWithHive } from '@theguild/federation-composition';
import { parse } from 'graphql';

export interface Composed {
  readonly supergraph: string;
  /** Everything the composer did not like. */
  readonly complaints: readonly string[];
}

export type ComposerName = 'hive' | 'apollo';

/** Composes graphs, given by name as SDL. A composer that refuses them has its reasons among the complaints. */
export function compose(
  composer: ComposerName,
  graphs: Readonly<Record<string, string>>,
  urls: Readonly<Record<string, string>> = {},
): Composed {
  const services = Object.entries(graphs).map(([name, sdl]) => ({ name, url: urls[name] ?? '', typeDefs: parse(sdl) }));
  const { supergraphSdl = '', errors = [], hints = [] } = { hints: [], ...composers[composer](services) };
  return { supergraph: supergraphSdl, complaints: [...errors, ...hints].map(String) };
}

const composers = { hive: composeWithHive, apollo: composeWithApollo };

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The published contract. */
export const videosSdl = read('schema.graphql');
/** The graph of the example. */
export const productsSdl = read('examples/federation/products.graphql');
