import { type GraphQLInputType, isEnumType, isInputObjectType, isListType, isNonNullType } from 'graphql';
import type { Chance } from './generated-query.ts';

/** Values that mean something to the service under test. */
export interface KnownValues {
  readonly ids: readonly string[];
  readonly clients: readonly string[];
}

interface Definition {
  readonly name: string;
  readonly type: string;
  readonly byDefault?: string;
}

const oddNames = ['constructor', 'toString', 'length', 'hasOwnProperty', 'then', '__typename'];

/** Values for the arguments of one document: as literals in its text, or as variables of its operation. */
export class GeneratedInputs {
  readonly #chance: Chance;
  readonly #known: KnownValues;
  readonly #hasStrings: boolean;
  readonly #definitions: Definition[] = [];
  readonly #values: Record<string, unknown> = {};

  constructor(chance: Chance, known: KnownValues) {
    this.#chance = chance;
    this.#known = known;
    // Strings in a document keep it from being compiled, so most documents have theirs in variables.
    this.#hasStrings = chance.happens(20);
  }

  /** The definitions of all variables so far, as they stand behind an operation's name. */
  definitions(): string {
    const texts = this.#definitions.map(({ name, type, byDefault }) =>
      byDefault === undefined ? `$${name}: ${type}` : `$${name}: ${type} = ${byDefault}`,
    );
    return texts.length > 0 ? `(${texts.join(', ')})` : '';
  }

  /** What a body says of variables. */
  variables(): { variables?: unknown } {
    if (Object.keys(this.#values).length > 0) return { variables: this.#values };
    return this.#chance.one([{}, {}, { variables: null }, { variables: {} }, { variables: { unknown: 1 } }]);
  }

  /** A variable of a type that no argument has. */
  variableOf(type: 'Boolean!'): string {
    const name = this.#define({ type });
    this.#values[name] = this.#chance.one([true, false]);
    return `$${name}`;
  }

  /** The text of a value for an argument or a field of an input. */
  literalOf(name: string, type: GraphQLInputType): string {
    if (this.#chance.happens(45)) return this.#variable(name, type);
    if (isNonNullType(type)) return this.#literal(name, type.ofType);
    return this.#chance.happens(8) ? 'null' : this.#literal(name, type);
  }

  #define(definition: Omit<Definition, 'name'>): string {
    const number = this.#definitions.length;
    const odd = oddNames.filter((name) => !this.#definitions.some((other) => other.name === name));
    const name = this.#chance.happens(10) && odd.length > 0 ? this.#chance.one(odd) : `v${number}`;
    this.#definitions.push({ ...definition, name });
    return name;
  }

  #variable(position: string, type: GraphQLInputType): string {
    const chance = this.#chance;
    const nullable = isNonNullType(type) ? type.ofType : type;
    // Where a value is required, a variable may be optional if it has a default.
    const hasDefault = chance.happens(25) && (this.#hasStrings || !this.#needsStrings(position, nullable));
    const isRequired = isNonNullType(type) ? !hasDefault || chance.happens(30) : chance.happens(20);
    const byDefault = hasDefault ? { byDefault: this.#constant(position, nullable) } : {};
    const name = this.#define({ type: `${nullable}${isRequired ? '!' : ''}`, ...byDefault });
    if (isRequired && !hasDefault) this.#values[name] = this.#json(position, nullable);
    else if (chance.happens(70)) this.#values[name] = chance.happens(10) ? null : this.#json(position, nullable);
    return `$${name}`;
  }

  #needsStrings(position: string, type: GraphQLInputType): boolean {
    return isInputObjectType(type) || /String|DateTime|_Any/.test(`${type}`) || position === 'ids';
  }

  #literal(name: string, type: GraphQLInputType): string {
    if (isNonNullType(type)) return this.#literal(name, type.ofType);
    if (isListType(type)) {
      // One value stands for a list of it.
      if (this.#chance.happens(15)) return this.#literal(name, type.ofType);
      return `[${this.#chance.some(0, 3, () => this.literalOf(name, type.ofType)).join(', ')}]`;
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(() => this.#chance.happens(30));
      return `{ ${fields.map((field) => `${field.name}: ${this.literalOf(field.name, field.type)}`).join(', ')} }`;
    }
    if (`${type}` === '_Any') return this.#entity();
    if (isEnumType(type)) return this.#chance.one(type.getValues()).name;
    if (`${type}` === 'Int') return this.#chance.one(['1', '2', '3', '5', '0', '-0', '100', '101', '-1', '2147483648']);
    if (!this.#hasStrings)
      return `${type}` === 'ID' ? this.#chance.one(['5', '99999999999999999999']) : this.#text(name, type);
    return JSON.stringify(this.#json(name, type));
  }

  /** A string, which a document without any has in a variable. */
  #text(name: string, type: GraphQLInputType): string {
    const variable = this.#define({ type: `${type}!` });
    this.#values[variable] = this.#json(name, type);
    return `$${variable}`;
  }

  #entity(): string {
    const text = (value: string) => (this.#hasStrings ? JSON.stringify(value) : value);
    if (this.#chance.happens(30)) return `{ __typename: ${text('VideoModel')}, name: ${text('GROK_VIDEO3')} }`;
    const id = this.#define({ type: 'ID!' });
    this.#values[id] = this.#chance.one(this.#known.ids);
    return `{ __typename: ${text('VideoTask')}, id: $${id} }`;
  }

  /** A literal without variables. */
  #constant(name: string, type: GraphQLInputType): string {
    if (isListType(type)) return `[${this.#chance.some(0, 2, () => this.#constant(name, type.ofType)).join(', ')}]`;
    if (isNonNullType(type)) return this.#constant(name, type.ofType);
    if (isInputObjectType(type))
      return this.#chance.one(['{}', '{ statuses: [COMPLETED] }', '{ models: GROK_VIDEO3 }']);
    if (`${type}` === '_Any') return '{ __typename: "VideoModel", name: "GROK_VIDEO3" }';
    return this.#literal(name, type);
  }

  /** A value as it stands in the variables of a body. */
  #json(name: string, type: GraphQLInputType): unknown {
    const chance = this.#chance;
    if (chance.happens(4)) return chance.one<unknown>(['x', '', '3', 7, 1.5, true, [], [null], {}, { unknown: 1 }]);
    if (isNonNullType(type)) return this.#json(name, type.ofType);
    if (isListType(type)) {
      return chance.happens(15)
        ? this.#json(name, type.ofType)
        : chance.some(0, 3, () => this.#json(name, type.ofType));
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(() => chance.happens(30));
      const given = fields.map((field) => [field.name, chance.happens(8) ? null : this.#json(field.name, field.type)]);
      return Object.fromEntries(given);
    }
    if (isEnumType(type)) return chance.one(type.getValues()).name;
    return this.#scalar(name, `${type}`);
  }

  #scalar(name: string, type: string): unknown {
    const { ids, clients } = this.#known;
    const chance = this.#chance;
    switch (type) {
      case 'Int':
        return chance.one([1, 2, 3, 5, 0, -0, 100, 101]);
      case 'ID':
        return chance.happens(10) ? 5 : chance.one(ids);
      case 'DateTime':
        return chance.one(['2020-01-01T00:00:00Z', '2100-01-01T00:00:00.000Z', '2020-01-01T02:00:00+02:00']);
      case '_Any':
        return chance.one([
          { __typename: 'VideoTask', id: chance.one(ids) },
          { __typename: 'VideoModel', name: 'GROK_VIDEO3_PRO' },
        ]);
      default:
        return chance.one(
          name === 'clients' ? clients : [...ids, Buffer.from('OffsetConnection:0').toString('base64')],
        );
    }
  }
}
