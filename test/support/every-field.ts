import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLOutputType,
  getNamedType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
} from 'graphql';

/** The schema, as clients know it. */
export const contract = buildSchema(readFileSync('schema.graphql', 'utf8'), { assumeValidSDL: true });

/** A selection of every field that needs no arguments, down to the leaves. */
export function everythingOf(type: GraphQLOutputType, above: readonly string[] = []): string {
  const named = getNamedType(type);
  if (isUnionType(named)) {
    return `{ ${named
      .getTypes()
      .map((member) => `... on ${member.name} ${everythingOf(member, above)}`)
      .join(' ')} }`;
  }
  if (!isObjectType(named) || above.includes(named.name)) return isObjectType(named) ? '{ __typename }' : '';
  const fields = Object.values(named.getFields()).filter(({ args }) => !args.some(isRequiredArgument));
  return `{ ${fields.map((field) => `${field.name} ${everythingOf(field.type, [...above, named.name])}`).join(' ')} }`;
}
