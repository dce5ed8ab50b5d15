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
import { schema } from '../../graphql/schema.ts';
import { documentCache } from '../document-cache.ts';
import { compileQuery, type ExecuteQuery, type QueryContext, type Variables } from './compile-query.ts';

/** The body of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** Executes the query of one request, with its variables. */
type Run = (context: QueryContext) => Promise<ExecutionResult>;

/** More different Accept headers than there are HTTP clients in use. */
const maxAcceptHeaders = 100;

/**
 * All of a body that says which document is meant: its text, or the id by which it is on the list of persisted
 * operations. A text, behind its space, never equals the JSON of a body without one.
 */
function documentKey({ variables, operationName, query, ...others }: Params): string {
  const plain = typeof query === 'string' && Object.keys(others).length === 0;
  return plain ? ` ${query}` : JSON.stringify({ query, ...others });
}

const isQuery = ({ definitions }: DocumentNode): boolean =>
  definitions.every((node) => node.kind !== Kind.OPERATION_DEFINITION || node.operation === OperationTypeNode.QUERY);

const isVariables = (value: unknown): value is Variables | null | undefined =>
  (typeof value === 'object' || value === undefined) && !Array.isArray(value);

const isName = (value: unknown): value is string | null | undefined =>
  typeof value === 'string' || value === null || value === undefined;

/**
 * The documents of queries that Yoga has executed, and the content types of its answers. A document that was let in,
 * measured and validated once always will be, and the content type of an answer depends on the Accept header alone.
 */
export class QueryCache {
  readonly #documents = documentCache<DocumentNode>();
  readonly #prepared = new WeakMap<OperationDefinitionNode, ExecuteQuery>();
  readonly #contentTypes = new LRUCache<string, string>({ max: maxAcceptHeaders });

  /** The content type of an answer to this Accept header; undefined where Yoga has not answered a query with it. */
  contentTypeFor(accept: string | undefined): string | undefined {
    return this.#contentTypes.get(accept ?? '');
  }

  /** What runs the query that a body asks for; null where its document is not cached, or its variables do not fit. */
  find(params: Params): Run | null {
    const { operationName } = params;
    const document = this.#documents.get(documentKey(params));
    if (!document || !isVariables(params['variables']) || !isName(operationName)) return null;
    const operation = getOperationAST(document, operationName);
    if (!operation) return null;
    const variables = params['variables'] ?? {};
    // GraphQL's own rules decide, because the compiler's differ in places.
    if (getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 0 }).errors) return null;
    return async (context) => {
      const run = this.#prepared.get(operation) ?? (await this.#prepare(document, operation, context));
      return run(context, variables);
    };
  }

  /** Decides once for each operation of a document how it is executed. */
  async #prepare(document: DocumentNode, operation: OperationDefinitionNode, { log }: QueryContext) {
    const operationName = operation.name?.value;
    const compiled = await compileQuery(document, operationName);
    log.trace({ compiled: compiled !== null }, 'a query is prepared for the fast path');
    const prepared: ExecuteQuery =
      compiled ??
      (async (contextValue, variableValues) =>
        execute({ schema, document, operationName, contextValue, variableValues }));
    this.#prepared.set(operation, prepared);
    return prepared;
  }

  /**
   * The plugin by which the cache learns from what Yoga answers. It stands before the plugin of persisted operations,
   * because that one puts a document into the parameters in the place of its id.
   */
  plugin(): Plugin {
    const keys = new WeakMap<Request, string>();
    const queries = new WeakSet<Request>();
    return {
      onParams: ({ request, params }) => {
        // A URL can name a document as well, and the fast path does not look there.
        if (request.method === 'POST' && !request.url.includes('?')) keys.set(request, documentKey({ ...params }));
      },
      onExecute: ({ args: { document, contextValue } }) => {
        const { request } = contextValue as { request: Request };
        const key = keys.get(request);
        if (key === undefined || !isQuery(document)) return;
        this.#documents.set(key, document);
        queries.add(request);
      },
      onResponse: ({ request, response }) => {
        const contentType = response.headers.get('content-type') ?? '';
        // An answer to a mutation is JSON even where its client accepts no JSON.
        if (!queries.has(request) || response.status !== 200 || !contentType.includes('json')) return;
        this.#contentTypes.set(request.headers.get('accept') ?? '', contentType);
      },
    };
  }
}
