import { type DocumentNode, type ExecutionResult, TokenKind } from 'graphql';
import type { Context } from '../../graphql/builder.ts';
import { schema } from '../../graphql/schema.ts';

/** What every resolver of a query gets. */
export type QueryContext = Omit<Context, 'request'>;

export type Variables = Readonly<Record<string, unknown>>;

/** Executes one query, with the variables of a request. */
export type ExecuteQuery = (context: QueryContext, variables: Variables) => Promise<ExecutionResult>;

/** The tokens of a document that may be compiled: no directives, strings or floats. */
const compilableKinds: ReadonlySet<TokenKind> = new Set([
  TokenKind.SOF,
  TokenKind.EOF,
  TokenKind.COMMENT,
  TokenKind.NAME,
  TokenKind.INT,
  TokenKind.DOLLAR,
  TokenKind.BANG,
  TokenKind.SPREAD,
  TokenKind.COLON,
  TokenKind.EQUALS,
  TokenKind.PAREN_L,
  TokenKind.PAREN_R,
  TokenKind.BRACKET_L,
  TokenKind.BRACKET_R,
  TokenKind.BRACE_L,
  TokenKind.BRACE_R,
]);

const isCompilableName = (name: string): boolean => name === '__typename' || !name.startsWith('__');

/**
 * Whether a document consists only of tokens that are known to be safe in the compiler. The compiler writes names and
 * literals of a document into JavaScript, some strings unescaped, so that a string could run code; and it merges the
 * conditions of directives on fields that meet in a fragment. Names with two underscores can mean something to JavaScript.
 */
function isCompilable({ loc }: DocumentNode): boolean {
  for (let token = loc?.startToken ?? null; token; token = token.next) {
    if (!compilableKinds.has(token.kind)) return false;
    if (token.kind === TokenKind.NAME && !isCompilableName(token.value)) return false;
  }
  return loc !== undefined;
}

/** Compiles a query; null where the document may not be compiled, or the compiler refuses it. */
export async function compileQuery(
  document: DocumentNode,
  operationName: string | undefined,
): Promise<ExecuteQuery | null> {
  if (!isCompilable(document)) return null;
  // The compiler is loaded here because no start and no first query needs it.
  const { compileQuery: compile, isCompiledQuery } = await import('graphql-jit');
  const compiled = compile(schema, document, operationName);
  return isCompiledQuery(compiled) ? async (context, variables) => compiled.query(undefined, context, variables) : null;
}
