import fc, { type GeneratorValue } from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  isCompositeType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { contract } from './every-field.ts';
import { GeneratedInputs, type KnownValues } from './generated-input.ts';

/** What a client has used changes by the clock, and a test compares answers that are given at different times. */
const changesByTheClock = /^VideoClientUsage\.(?!__)/;

/** Names that mean something to JavaScript or to GraphQL. */
const oddNames = ['constructor', 'toString', 'then', 'length', 'class', 'valueOf', 'prototype', 'data', 'query', '_'];

const percentages = fc.noBias(fc.nat({ max: 99 }));

/** Decides by chance: what is likelier to fail stands for high numbers, so that a failing query shrinks to a plain one. */
export class Chance {
  readonly #generate: GeneratorValue;

  constructor(generate: GeneratorValue) {
    this.#generate = generate;
  }

  /** Whether something of this probability happens. */
  happens(percent: number): boolean {
    return this.#generate(() => percentages) >= 100 - percent;
  }

  one<Item>(items: readonly Item[]): Item {
    const index = this.#generate(() => fc.noBias(fc.nat({ max: items.length - 1 })));
    const [item] = items.slice(index, index + 1) as [Item];
    return item;
  }

  /** So many things, each made anew. */
  some<Item>(min: number, max: number, make: () => Item): Item[] {
    return Array.from({ length: this.#generate(() => fc.noBias(fc.integer({ min, max }))) }, make);
  }
}

/** A query made by chance from the schema, as the body of a request. */
class GeneratedQuery {
  readonly #chance: Chance;
  readonly #inputs: GeneratedInputs;
  readonly #fragments: string[] = [];
  readonly #hasDirectives: boolean;
  readonly #freeNames = new Set(oddNames);
  #aliases = 0;

  constructor(chance: Chance, known: KnownValues) {
    this.#chance = chance;
    this.#hasDirectives = chance.happens(20);
    this.#inputs = new GeneratedInputs(chance, known);
  }

  body(): Record<string, unknown> {
    const chance = this.#chance;
    const root = contract.getQueryType();
    if (!root) throw new Error('The schema has no queries.');
    const selection = this.#selection(root, 4);
    const variables = this.#inputs.definitions();
    const name = chance.happens(50) ? chance.one(['Q', 'fragment', ...oddNames]) : '';
    const isShort = name === '' && variables === '' && chance.happens(50);
    const others = name !== '' && chance.happens(30) ? ['query Other { videoClient { name } }'] : [];
    const operation = isShort ? selection : `query ${name}${variables}${this.#directive()} ${selection}`;
    const text = [operation, ...this.#fragments, ...others].join(
      chance.happens(10) ? '\n# "@__" is a comment\n,' : ' ',
    );
    const named = chance.happens(5) ? 'Another' : chance.one([name, others.length > 0 ? 'Other' : name]);
    return {
      query: text,
      ...this.#inputs.variables(),
      ...(others.length > 0 || chance.happens(30) ? { operationName: named === '' ? null : named } : {}),
      ...(chance.happens(5) ? { extensions: {} } : {}),
    };
  }

  #directive(): string {
    if (!this.#hasDirectives || this.#chance.happens(50)) return '';
    const condition = this.#chance.happens(50)
      ? this.#inputs.variableOf('Boolean!')
      : this.#chance.one(['true', 'false']);
    return ` @${this.#chance.one(['include', 'skip'])}(if: ${condition})`;
  }

  #selection(type: GraphQLCompositeType, depth: number): string {
    return `{ ${this.#chance.some(1, 4, () => this.#part(type, depth)).join(this.#chance.one([' ', ', ']))} }`;
  }

  #part(type: GraphQLCompositeType, depth: number): string {
    const chance = this.#chance;
    if (chance.happens(8)) return chance.happens(90) ? '__typename' : `${this.#alias()}: __typename`;
    const members = isObjectType(type) ? [type] : contract.getPossibleTypes(type);
    if (chance.happens(8)) return this.#fragment(chance.one([type, ...members]), depth);
    if (!isObjectType(type) || chance.happens(8)) {
      const condition = chance.one([...members, type]);
      const on = condition === type && chance.happens(50) ? '' : ` on ${condition.name}`;
      return `...${on}${this.#directive()} ${this.#inner(condition, depth)}`;
    }
    return this.#field(type, depth);
  }

  /** Only objects have fields of their own. */
  #inner(type: GraphQLCompositeType, depth: number): string {
    return isObjectType(type) ? this.#selection(type, depth) : '{ __typename }';
  }

  /** A spread of a fragment, which may be spread again. */
  #fragment(type: GraphQLCompositeType, depth: number): string {
    const name = this.#chance.happens(20) ? this.#oddName('F') : `F${this.#fragments.length}`;
    this.#fragments.push('');
    const index = this.#fragments.length - 1;
    this.#fragments[index] = `fragment ${name} on ${type.name} ${this.#inner(type, depth)}`;
    return this.#onceOrTwice(() => `...${name}${this.#directive()}`);
  }

  #field(type: GraphQLObjectType, depth: number): string {
    const isLeaf = (field: GraphQLField<unknown, unknown>) => !isCompositeType(getNamedType(field.type));
    const fields = Object.values(type.getFields()).filter(
      ({ name }) => !changesByTheClock.test(`${type.name}.${name}`),
    );
    const possible = depth > 0 ? fields : fields.filter(isLeaf);
    if (possible.length === 0) return '__typename';
    const field = this.#chance.one(possible);
    const given = this.#arguments(field.args);
    // With other arguments, the same name would stand for another value.
    const alias = given !== '' || this.#chance.happens(15) ? `${this.#alias()}: ` : '';
    const named = getNamedType(field.type);
    const selection = isCompositeType(named) ? ` ${this.#selection(named, depth - 1)}` : '';
    return this.#onceOrTwice(() => `${alias}${field.name}${given}${this.#directive()}${selection}`);
  }

  /** The same part of a selection may stand there again, under another condition. */
  #onceOrTwice(make: () => string): string {
    return this.#chance.happens(this.#hasDirectives ? 30 : 10) ? `${make()} ${make()}` : make();
  }

  #arguments(all: readonly GraphQLArgument[]): string {
    const taken = all.filter(({ type }) => isNonNullType(type) || this.#chance.happens(40));
    const names = new Set(taken.map(({ name }) => name));
    // Both together are refused.
    if (names.has('first') && this.#chance.happens(95)) names.delete('last');
    if (this.#chance.happens(60)) names.delete('before');
    const given = taken.filter(({ name }) => names.has(name));
    const texts = given.map(({ name, type }) => `${name}: ${this.#inputs.literalOf(name, type as GraphQLInputType)}`);
    return texts.length > 0 ? `(${texts.join(this.#chance.one([', ', ' ']))})` : '';
  }

  #alias(): string {
    if (this.#chance.happens(30)) return this.#oddName('a');
    this.#aliases += 1;
    return `a${this.#aliases}`;
  }

  /** A name that is used once in the document. */
  #oddName(otherwise: string): string {
    const name = this.#chance.one([...this.#freeNames, `${otherwise}_`]);
    this.#freeNames.delete(name);
    if (!name.endsWith('_')) return name;
    this.#aliases += 1;
    return `${name}${this.#aliases}`;
  }
}

/** The body of a request with a query that is made by chance from the schema. */
export const generateQuery = (generate: GeneratorValue, known: KnownValues): Record<string, unknown> =>
  new GeneratedQuery(new Chance(generate), known).body();
