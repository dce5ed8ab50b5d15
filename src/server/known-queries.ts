import {
  type DocumentNode,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql';
import type { CompiledQuery } from 'graphql-jit';
import type { Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Context } from '../graphql/builder.ts';
import { schema } from '../graphql/schema.ts';
import { documentCache } from './document-cache.ts';

/** The body of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** What every resolver of a query gets. */
export type QueryContext = Omit<Context, 'request'>;

/** Runs a query; its data, or undefined where anything went wrong. */
type Run = (context: QueryContext) => Promise<unknown>;

/** More ways to say what one accepts than there are clients. */
const maxAcceptHeaders = 100;

/** All of a body that says which document is meant: its text, or the id by which it is on the list. */
function documentKey({ variables, operationName, query, ...others }: Params): string {
  const plain = typeof query === 'string' && Object.keys(others).length === 0;
  return plain ? query : JSON.stringify({ query, ...others });
}

const isQuery = ({ definitions }: DocumentNode): boolean =>
  definitions.every((node) => node.kind !== Kind.OPERATION_DEFINITION || node.operation === OperationTypeNode.QUERY);

const isVariables = (value: unknown): value is Record<string, unknown> | null | undefined =>
  (typeof value === 'object' || value === undefined) && !Array.isArray(value);

const isName = (value: unknown): value is string | null | undefined =>
  typeof value === 'string' || value === null || value === undefined;

/**
 * What was found out about the queries that have been answered. A document that was let in, measured and validated once
 * always will be, and in which form its answer goes out depends on the Accept header alone.
 */
export class KnownQueries {
  readonly #documents = documentCache<DocumentNode>();
  readonly #compiled = new WeakMap<OperationDefinitionNode, CompiledQuery>();
  readonly #contentTypes = new LRUCache<string, string>({ max: maxAcceptHeaders });

  /** What an answer is called to who accepts this; undefined where nobody has had one. */
  contentTypeFor(accept: string | undefined): string | undefined {
    return this.#contentTypes.get(accept ?? '');
  }

  /** What runs the query that a body asks for; null where it is not known, or its variables do not fit. */
  find(params: Params): Run | null {
    const { variables, operationName } = params;
    const document = this.#documents.get(documentKey(params));
    if (!document || !isVariables(variables) || !isName(operationName)) return null;
    const operation = getOperationAST(document, operationName);
    if (!operation) return null;
    // By GraphQL's own rules: the compiler has its own, which are others in places.
    if (getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {}).errors) return null;
    return async (context) => {
      const compiled = this.#compiled.get(operation) ?? (await this.#compile(document, operation));
      const result = await compiled?.query(undefined, context, variables);
      return result?.errors ? undefined : result?.data;
    };
  }

  async #compile(document: DocumentNode, operation: OperationDefinitionNode): Promise<CompiledQuery | null> {
    // Not needed before the second query.
    const { compileQuery, isCompiledQuery } = await import('graphql-jit');
    const compiled = compileQuery(schema, document, operation.name?.value);
    if (!isCompiledQuery(compiled)) return null;
    this.#compiled.set(operation, compiled);
    return compiled;
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
