import {
  type DocumentNode,
  GraphQLError,
  isValueNode,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  TokenKind,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { payingFieldsOf } from '../../graphql/paying.ts';
import { invalidInput, limitExceeded, shown } from '../../graphql/public-error.ts';
import { argumentPathOf } from './argument-path.ts';
import { measure } from './document-measure.ts';

export interface DocumentLimits {
  readonly maxDocumentCharacters: number;
  readonly maxTokens: number;
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
}

/** How many errors of a document are reported, because each may quote a part of it. */
const maxErrors = 10;

/**
 * Refuses documents that exceed a limit before they are validated, because GraphQL's validation rules take long for
 * them too. Shortens the messages of those rules; without introspection they contain no suggestions either.
 */
export function useDocumentLimits(limits: DocumentLimits, { introspection }: { introspection: boolean }): Plugin {
  let payingFields: ReadonlySet<string> = new Set();
  /** Parsed documents are cached, so each document is measured once. */
  const problems = new WeakMap<DocumentNode, GraphQLError | null>();

  function problemWith(document: DocumentNode): GraphQLError | null {
    const known = problems.get(document);
    const problem = known === undefined ? problemOf(document, payingFields, limits) : known;
    problems.set(document, problem);
    return problem;
  }

  return {
    onSchemaChange({ schema }) {
      payingFields = payingFieldsOf(schema);
    },
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseWithin(limits, source, options));
    },
    onValidate({ params: { documentAST }, addValidationRule, setValidationFn, setResult }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
      // Suggestions are suppressed by graphql itself, because they cannot be told apart in a message that quotes the
      // document.
      setValidationFn((schema, document, rules) =>
        validate(schema, document, rules, { maxErrors, hideSuggestions: !introspection }),
      );
      const problem = problemWith(documentAST);
      if (problem) setResult([problem]);
      return ({ result, setResult: setShown }) =>
        setShown((result as readonly GraphQLError[]).map((error) => shownAs(error, documentAST)));
    },
  };
}

/** Reports an invalid literal as BAD_USER_INPUT with its path, as for a variable, and shortens the message. */
function shownAs({ message: whole, nodes, extensions, source, positions }: GraphQLError, document?: DocumentNode) {
  const message = shown(whole);
  const [node] = nodes ?? [];
  const isValue = node !== undefined && (isValueNode(node) || node.kind === Kind.OBJECT_FIELD);
  const path = isValue && document ? argumentPathOf(document, node) : [];
  const known = isValue ? invalidInput([{ path, message }]).extensions : {};
  const place = { nodes: nodes ?? null, source: source ?? null, positions: positions ?? null };
  return new GraphQLError(message, { ...place, extensions: { ...extensions, ...known } });
}

function parseWithin(limits: DocumentLimits, ...[source, options]: Parameters<typeof parse>): DocumentNode {
  const { maxTokens, maxDocumentCharacters } = limits;
  const text = typeof source === 'string' ? source : source.body;
  if (text.length > maxDocumentCharacters) {
    const what = `The document has ${text.length} characters (images belong into variables)`;
    throw limitExceeded(what, 'MAX_DOCUMENT_CHARACTERS', maxDocumentCharacters);
  }
  // Lines are limited because graphql finds the position of each error by splitting the document into lines. A valid
  // document has no more lines than tokens.
  if (text.split(/\r\n|[\n\r]/, maxTokens + 1).length > maxTokens) {
    throw limitExceeded(`The document has more than ${maxTokens} lines`, 'MAX_TOKENS', maxTokens);
  }
  try {
    return withShortNames(parse(source, { ...options, maxTokens }));
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (error.message.includes(`more that ${maxTokens} tokens`)) throw tooManyTokens(maxTokens);
    throw shownAs(error);
  }
}

/**
 * The longest name in a document. A response repeats it as often as the field occurs, for an alias in a list thousands
 * of times.
 */
const maxNameCharacters = 255;

function withShortNames(document: DocumentNode): DocumentNode {
  for (let token = document.loc?.startToken; token?.next; token = token.next) {
    if (token.kind !== TokenKind.NAME || token.end - token.start <= maxNameCharacters) continue;
    throw limitExceeded('The document has a name that is too long', 'NAME_CHARACTERS', maxNameCharacters);
  }
  return document;
}

const tooManyTokens = (max: number): GraphQLError =>
  limitExceeded(`The document has more than ${max} tokens, its fragments put in their places`, 'MAX_TOKENS', max);

function problemOf(
  document: DocumentNode,
  payingFields: ReadonlySet<string>,
  { maxTokens, maxDepth, maxAliases, maxDirectives }: DocumentLimits,
): GraphQLError | null {
  const { depth, selections, aliases, directives, paying, fields } = measure(document, payingFields);
  if (depth > maxDepth) return limitExceeded(`The document is ${depth} levels deep`, 'MAX_DEPTH', maxDepth);
  if (selections > maxTokens) return tooManyTokens(maxTokens);
  if (aliases > maxAliases) return limitExceeded(`The document has ${aliases} aliases`, 'MAX_ALIASES', maxAliases);
  if (directives > maxDirectives) {
    return limitExceeded(`The document has ${directives} directives`, 'MAX_DIRECTIVES', maxDirectives);
  }
  if (paying > 1) {
    return limitExceeded(`The document has ${paying} fields that spend money (use submitVideos)`, 'PAYING_FIELDS', 1);
  }
  if (fields > 1) {
    const what = `The operation has ${fields} root fields, and one that spends money must stand alone`;
    return limitExceeded(what, 'PAYING_FIELDS', 1);
  }
  return null;
}
