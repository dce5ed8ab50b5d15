import { type ASTNode, BREAK, type DocumentNode, Kind, visit } from 'graphql';

/**
 * The path of a value within its argument or within a variable's default: ['input', 'grokVideo3', 'duration'] for
 * `input.grokVideo3.duration`. Empty for a node that is in neither.
 */
export function argumentPathOf(document: DocumentNode, value: ASTNode): (string | number)[] {
  let keys: readonly (string | number)[] = [];
  visit(document, {
    enter(node, _, __, path) {
      if (node !== value) return undefined;
      keys = [...path];
      return BREAK;
    },
  });
  const steps: (string | number)[] = [];
  let place: unknown = document;
  for (const [index, key] of keys.entries()) {
    place = (place as Record<string | number, unknown>)[key];
    const node = place as Partial<ASTNode>;
    // graphql keeps the items of a list in `values`.
    if (typeof key === 'number' && keys[index - 1] === 'values') steps.push(key);
    if (node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD) steps.push(node.name?.value ?? '');
    if (node.kind === Kind.VARIABLE_DEFINITION) steps.push(node.variable?.name.value ?? '');
  }
  return steps;
}
