import { readFile } from 'node:fs/promises';
import { usePersistedOperations } from '@graphql-yoga/plugin-persisted-operations';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { z } from 'zod';
import { OperatorError } from '../../errors.ts';

/** The file of persisted operations is not one. */
export class PersistedOperationsError extends OperatorError {
  override readonly name = 'PersistedOperationsError';
}

/** The forms in which tools write such a file: ids with their documents (GraphQL Code Generator, Relay), or Apollo's manifest. */
const fileForm = z.union([
  z.record(z.string(), z.string()),
  z
    .object({
      format: z.literal('apollo-persisted-query-manifest'),
      version: z.literal(1),
      operations: z.array(z.object({ id: z.string(), body: z.string() })),
    })
    .transform(({ operations }) => Object.fromEntries(operations.map(({ id, body }) => [id, body]))),
]);

/** The documents in a file, by their ids, which are usually hashes of them. */
async function readDocuments(path: string): Promise<ReadonlyMap<string, string>> {
  try {
    const documents = fileForm.parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(Object.entries(documents).map(([id, document]) => [plainId(id), document]));
  } catch (cause) {
    const message = `PERSISTED_OPERATIONS_FILE ${path} cannot be read as a JSON object of ids and documents, nor as Apollo's manifest.`;
    throw new PersistedOperationsError(message, { cause });
  }
}

/** One spelling for a SHA-256, because tools write it as hexadecimal digits, with or without `sha256:` before them. */
const plainId = (id: string): string => /^(?:sha256:)?([0-9a-f]{64})$/i.exec(id)?.[1]?.toLowerCase() ?? id;

/** The parameters of a request, in its body or its URL. */
type Params = Parameters<NonNullable<Plugin['onParams']>>[0]['params'];

/** The id of a document in a request, as Apollo's clients send it, or as GraphQL over HTTP does; null where there is none. */
function documentIdIn({ extensions, ...params }: Params, { url }: Request): string | null {
  const { documentId = new URL(url).searchParams.get('documentId') } = params as { documentId?: unknown };
  const id: unknown = extensions?.['persistedQuery']?.sha256Hash ?? documentId;
  return typeof id === 'string' ? plainId(id) : null;
}

/**
 * Answers no documents but those in a file, which clients name by their ids.
 *
 * @throws PersistedOperationsError when the file cannot be read.
 */
export const usePersistedDocuments = async (path: string): Promise<Plugin> => onlyDocuments(await readDocuments(path));

/**
 * Refuses ids of documents where there is no file of them, in words by which clients with automatic persisted queries send
 * the document instead.
 */
export const useNoPersistedDocuments = (): Plugin => ({
  onParams({ params, request }) {
    if (params.query || documentIdIn(params, request) === null) return;
    // Apollo's clients go by the code, urql goes by the message, and some of either read no answer but 200.
    throw new GraphQLError('PersistedQueryNotSupported', {
      extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED', http: { status: 200 } },
    });
  },
});

/** The plugin's own errors carry codes that clients know. */
function onlyDocuments(documents: ReadonlyMap<string, string>): Plugin {
  const http = { status: 400, spec: true };
  return usePersistedOperations({
    getPersistedOperation: (id) => documents.get(id) ?? null,
    extractPersistedOperationId: documentIdIn,
    customErrors: {
      notFound: {
        message: 'This document is not on the list.',
        extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST', http },
      },
      keyNotFound: {
        message: 'Send the id of a document on the list.',
        extensions: { code: 'PERSISTED_QUERY_ID_REQUIRED', http },
      },
      persistedQueryOnly: {
        message: 'Only documents on the list are answered: send the id of one, and no query.',
        extensions: { code: 'PERSISTED_QUERY_ONLY', http },
      },
    },
  }) as Plugin;
}
