import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LimitExceededError } from '../access/errors.ts';
import { publicError } from '../graphql/errors.ts';

export interface DocumentLimits {
  readonly maxTokens: number;
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
}

/** How much there is of something in a document with all its fragments put in their places. */
interface Measure {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly paying: number;
}

const nothing: Measure = { depth: 0, aliases: 0, directives: 0, paying: 0 };

/**
 * Refuses documents that would take too long, before they are validated: GraphQL's own rules take their time over
 * them too. What a document would select is never written out, only counted, each fragment once.
 */
export function useDocumentLimits(limits: DocumentLimits, { introspection }: { introspection: boolean }): Plugin {
  const { maxTokens } = limits;
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseUpTo(maxTokens, source, options));
    },
    onValidate({ params: { documentAST, schema }, addValidationRule, setResult }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
      const problem = problemOf(documentAST, payingFieldsOf(schema), limits);
      if (problem) setResult([problem]);
      if (introspection) return;
      return ({ result, setResult: setMended }) =>
        setMended((result as readonly GraphQLError[]).map(withoutSuggestion));
    },
  };
}

/** Where the schema is not to be seen, a near miss must not spell it out. */
export const suggestion = / Did you mean .*\?$/s;

function withoutSuggestion(error: GraphQLError): GraphQLError {
  const { message, nodes = null, extensions } = error;
  return suggestion.test(message) ? new GraphQLError(message.replace(suggestion, ''), { nodes, extensions }) : error;
}

function parseUpTo(maxTokens: number, ...[source, options]: Parameters<typeof parse>): DocumentNode {
  try {
    return parse(source, { ...options, maxTokens });
  } catch (error) {
    const tooLong =
      error instanceof GraphQLError && error.message.includes('more that') && /tokens/.test(error.message);
    throw tooLong ? refusal(`The document has more than ${maxTokens} tokens`, 'MAX_TOKENS', maxTokens) : error;
  }
}

const refusal = (what: string, limit: string, max: number): GraphQLError =>
  publicError(new LimitExceededError(what, limit, max)) as GraphQLError;

function payingFieldsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  return new Set(fields.filter(({ extensions }) => extensions['paying']).map(({ name }) => name));
}

function problemOf(document: DocumentNode, paying: ReadonlySet<string>, limits: DocumentLimits): GraphQLError | null {
  const measured = measure(document, paying);
  const { depth, aliases, directives } = measured;
  if (depth > limits.maxDepth) return refusal(`The document is ${depth} levels deep`, 'MAX_DEPTH', limits.maxDepth);
  if (aliases > limits.maxAliases) {
    return refusal(`The document has ${aliases} aliases`, 'MAX_ALIASES', limits.maxAliases);
  }
  if (directives > limits.maxDirectives) {
    return refusal(`The document has ${directives} directives`, 'MAX_DIRECTIVES', limits.maxDirectives);
  }
  if (measured.paying > 1) {
    const what = `The document has ${measured.paying} fields that spend money (submitVideos orders several videos)`;
    return refusal(what, 'PAYING_FIELDS', 1);
  }
  return null;
}

/** The most there is in any one of the document's operations. */
function measure({ definitions }: DocumentNode, paying: ReadonlySet<string>): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const measured = new Map<string, Measure>();

  function ofFragment(name: string): Measure {
    const known = measured.get(name);
    if (known) return known;
    // For fragments that contain themselves, which the validation refuses.
    measured.set(name, nothing);
    const fragment = fragments.get(name);
    if (!fragment) return nothing;
    const { directives = [], selectionSet } = fragment;
    const result = sum(ofSelections(selectionSet), { ...nothing, directives: directives.length });
    measured.set(name, result);
    return result;
  }

  function ofSelections({ selections }: SelectionSetNode): Measure {
    return selections.reduce((total, node) => {
      const own = { ...nothing, directives: node.directives?.length ?? 0 };
      if (node.kind === Kind.FRAGMENT_SPREAD) return sum(total, own, ofFragment(node.name.value));
      const inner = node.selectionSet ? ofSelections(node.selectionSet) : nothing;
      if (node.kind === Kind.INLINE_FRAGMENT) return sum(total, own, inner);
      // How deep introspection may go, GraphQL's own rule says.
      const depth = node.name.value.startsWith('__') ? 1 : inner.depth + 1;
      const pays = paying.has(node.name.value) ? 1 : 0;
      return sum(total, own, { ...inner, depth, aliases: inner.aliases + (node.alias ? 1 : 0), paying: pays });
    }, nothing);
  }

  let most = nothing;
  for (const node of definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    const operation = sum(ofSelections(node.selectionSet), { ...nothing, directives: node.directives?.length ?? 0 });
    most = {
      depth: Math.max(most.depth, operation.depth),
      aliases: Math.max(most.aliases, operation.aliases),
      directives: Math.max(most.directives, operation.directives),
      paying: Math.max(most.paying, operation.paying),
    };
  }
  return most;
}

function sum(...parts: readonly Measure[]): Measure {
  return parts.reduce((total, part) => ({
    depth: Math.max(total.depth, part.depth),
    aliases: total.aliases + part.aliases,
    directives: total.directives + part.directives,
    paying: total.paying + part.paying,
  }));
}
