import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';

/** Counts of a document with its fragments expanded. */
export interface Measure {
  readonly depth: number;
  readonly selections: number;
  readonly aliases: number;
  readonly directives: number;
  /** Fields that spend money. */
  readonly paying: number;
  /** Root fields without `__typename`, in an operation with a field that spends money. */
  readonly fields: number;
}

const nothing: Measure = { depth: 0, selections: 0, aliases: 0, directives: 0, paying: 0, fields: 0 };

const only = (part: Partial<Measure>): Measure => ({ ...nothing, ...part });

/** The measure of parts that are side by side. */
function sum(...parts: readonly Measure[]): Measure {
  return parts.reduce((total, part) => ({
    depth: Math.max(total.depth, part.depth),
    selections: total.selections + part.selections,
    aliases: total.aliases + part.aliases,
    directives: total.directives + part.directives,
    paying: total.paying + part.paying,
    fields: total.fields + part.fields,
  }));
}

/**
 * The highest counts of any operation in the document. Fragments are never expanded, only counted, each once, so the
 * time is proportional to the document's length.
 */
export function measure({ definitions }: DocumentNode, payingFields: ReadonlySet<string>): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const measured = new Map<string, Measure>();

  function ofFragment(name: string): Measure {
    const known = measured.get(name);
    if (known) return known;
    // Ends the recursion of fragments that contain themselves, which validation refuses later.
    measured.set(name, nothing);
    const fragment = fragments.get(name);
    if (!fragment) return nothing;
    const result = sum(ofSelections(fragment.selectionSet), only({ directives: fragment.directives?.length ?? 0 }));
    measured.set(name, result);
    return result;
  }

  function ofSelections({ selections }: SelectionSetNode): Measure {
    return selections.reduce((total, node) => {
      const own = only({ selections: 1, directives: node.directives?.length ?? 0 });
      if (node.kind === Kind.FRAGMENT_SPREAD) return sum(total, own, ofFragment(node.name.value));
      const inner = node.selectionSet ? ofSelections(node.selectionSet) : nothing;
      if (node.kind === Kind.INLINE_FRAGMENT) return sum(total, own, inner);
      // The depth of introspection is limited by a rule of graphql's.
      const depth = node.name.value.startsWith('__') ? 1 : inner.depth + 1;
      const counted = only({
        aliases: node.alias ? 1 : 0,
        paying: payingFields.has(node.name.value) ? 1 : 0,
        fields: node.name.value === '__typename' ? 0 : 1,
      });
      // Only fields of this level are counted, not those below.
      return sum(total, own, counted, { ...inner, depth, fields: 0 });
    }, nothing);
  }

  const operations = definitions.flatMap((node) => {
    if (node.kind !== Kind.OPERATION_DEFINITION) return [];
    const inVariables = node.variableDefinitions?.flatMap(({ directives = [] }) => directives) ?? [];
    const directives = (node.directives?.length ?? 0) + inVariables.length;
    const total = sum(ofSelections(node.selectionSet), only({ directives }));
    return [{ ...total, fields: total.paying > 0 ? total.fields : 0 }];
  });
  const most = (key: keyof Measure): number => Math.max(0, ...operations.map((operation) => operation[key]));
  return {
    depth: most('depth'),
    selections: most('selections'),
    aliases: most('aliases'),
    directives: most('directives'),
    paying: most('paying'),
    fields: most('fields'),
  };
}
