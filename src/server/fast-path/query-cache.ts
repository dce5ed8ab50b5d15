import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Context } from '../../graphql/builder.ts';
import { schema } from '../../graphql/schema.ts';
import { documentCache } from '../document-cache.ts';

/** The body of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** What every resolver of a query gets. */
export type QueryContext = Omit<Context, 'request'>;

type Variables = Readonly<Record<string, unknown>>;

/** Runs a query for somebody. */
type Execute = (context: QueryContext, variables: Variables) => Promise<ExecutionResult>;

/** Runs a query with its variables. */
type Run = (context: QueryContext) => Promise<ExecutionResult>;

/** More ways to say what one accepts than there are clients. */
const maxAcceptHeaders = 100;

/**
 * All of a body that says which document is meant: its text, or the id by which it is on the list. A text never looks
 * like the JSON of a body without one.
 */
function documentKey({ variables, operationName, query, ...others }: Params): string {
  const plain = typeof query === 'string' && Object.keys(others).length === 0;
  return plain ? ` ${query}` : JSON.stringify({ query, ...others });
}

/**
 * The compiler writes a document's literals and names into JavaScript, some strings unescaped: whoever may send a query
 * could run code. And it merges the conditions of fields that meet in a fragment. So it gets what holds neither strings
 * nor directives, nor a name that means something to JavaScript or to the compiler.
 */
const isCompilable = ({ loc }: DocumentNode): boolean =>
  loc !== undefined && !/["@]|__(?!typename\b)/.test(loc.source.body);

const isQuery = ({ definitions }: DocumentNode): boolean =>
  definitions.every((node) => node.kind !== Kind.OPERATION_DEFINITION || node.operation === OperationTypeNode.QUERY);

const isVariables = (value: unknown): value is Variables | null | undefined =>
  (typeof value === 'object' || value === undefined) && !Array.isArray(value);

const isName = (value: unknown): value is string | null | undefined =>
  typeof value === 'string' || value === null || value === undefined;

/**
 * What was found out about the queries that have been answered. A document that was let in, measured and validated once
 * always will be, and in which form its answer goes out depends on the Accept header alone.
 */
export class KnownQueries {
  readonly #documents = documentCache<DocumentNode>();
  readonly #prepared = new WeakMap<OperationDefinitionNode, Execute>();
  readonly #contentTypes = new LRUCache<string, string>({ max: maxAcceptHeaders });

  /** What an answer is called to who accepts this; undefined where nobody has had one. */
  contentTypeFor(accept: string | undefined): string | undefined {
    return this.#contentTypes.get(accept ?? '');
  }

  /** What runs the query that a body asks for; null where it is not known, or its variables do not fit. */
  find(params: Params): Run | null {
    const { operationName } = params;
    const document = this.#documents.get(documentKey(params));
    if (!document || !isVariables(params['variables']) || !isName(operationName)) return null;
    const operation = getOperationAST(document, operationName);
    if (!operation) return null;
    const variables = params['variables'] ?? {};
    // By GraphQL's own rules: the compiler has its own, which are others in places.
    if (getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 0 }).errors) return null;
    return async (context) => {
      const run = this.#prepared.get(operation) ?? (await this.#prepare(document, operation));
      return run(context, variables);
    };
  }

  async #prepare(document: DocumentNode, operation: OperationDefinitionNode): Promise<Execute> {
    const operationName = operation.name?.value;
    const compiled = isCompilable(document) && (await compile(document, operationName));
    const prepared: Execute =
      compiled ||
      (async (contextValue, variableValues) =>
        execute({ schema, document, operationName, contextValue, variableValues }));
    this.#prepared.set(operation, prepared);
    return prepared;
  }

  /** Learns from whatever is answered. Its place is before the plugin that puts a document where its id was. */
  plugin(): Plugin {
    const keys = new WeakMap<Request, string>();
    return {
      onParams: ({ request, params }) => {
        // A URL may name a document as well.
        if (request.method === 'POST' && !request.url.includes('?')) keys.set(request, documentKey({ ...params }));
      },
      onExecute: ({ args: { document, contextValue } }) => {
        const key = keys.get((contextValue as { request: Request }).request);
        if (key !== undefined && isQuery(document)) this.#documents.set(key, document);
      },
      onResponse: ({ request, response }) => {
        const contentType = response.headers.get('content-type') ?? '';
        if (!keys.has(request) || response.status !== 200 || !contentType.includes('json')) return;
        this.#contentTypes.set(request.headers.get('accept') ?? '', contentType);
      },
    };
  }
}

/** Null where the compiler cannot do it. */
async function compile(document: DocumentNode, operationName: string | undefined): Promise<Execute | null> {
  // Not needed before the second query.
  const { compileQuery, isCompiledQuery } = await import('graphql-jit');
  const compiled = compileQuery(schema, document, operationName);
  return isCompiledQuery(compiled) ? async (context, variables) => compiled.query(undefined, context, variables) : null;
}
