import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { documentCache } from './document-cache.ts';

/** The body of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** More ways to say what one accepts than there are clients. */
const maxAcceptHeaders = 100;

/** All of a body that says which document is meant: its text, or the id by which it is on the list. */
function documentKey({ variables, operationName, query, ...others }: Params): string {
  const plain = typeof query === 'string' && Object.keys(others).length === 0;
  return plain ? query : JSON.stringify({ query, ...others });
}

const isQuery = ({ definitions }: DocumentNode): boolean =>
  definitions.every((node) => node.kind !== Kind.OPERATION_DEFINITION || node.operation === OperationTypeNode.QUERY);

/**
 * What was found out about the queries that have been answered. A document that was let in, measured and validated once
 * always will be, and in which form its answer goes out depends on the Accept header alone.
 */
export class KnownQueries {
  readonly #documents = documentCache<DocumentNode>();
  readonly #contentTypes = new LRUCache<string, string>({ max: maxAcceptHeaders });

  /** The document that a body asks for; undefined where none like it has been answered. */
  documentOf(params: Params): DocumentNode | undefined {
    return this.#documents.get(documentKey(params));
  }

  /** What an answer is called to who accepts this; undefined where nobody has had one. */
  contentTypeFor(accept: string | undefined): string | undefined {
    return this.#contentTypes.get(accept ?? '');
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
