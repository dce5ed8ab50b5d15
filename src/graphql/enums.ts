import { builder } from './builder.ts';

/** An enum of the given values, with a computed name and description for each. */
export function enumOf<Value extends string | number>(
  name: string,
  description: string,
  values: readonly Value[],
  nameOf: (value: Value) => string,
  describe: (value: Value) => string,
) {
  const entries = values.map((value) => [nameOf(value), { value, description: describe(value) }] as const);
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(entries) as Record<string, { value: Value }>,
  });
}

/** An enum of the keys of a table. Each row holds its description. */
export function enumOfTable<Name extends string>(
  name: string,
  description: string,
  table: Readonly<Record<Name, { readonly description: string }>>,
) {
  const names = Object.keys(table) as Name[];
  return enumOf(
    name,
    description,
    names,
    (entry) => entry,
    (entry) => table[entry].description,
  );
}
