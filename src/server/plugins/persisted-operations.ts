import { readFile } from 'node:fs/promises';
import { usePersistedOperations } from '@graphql-yoga/plugin-persisted-operations';
import type { Plugin } from 'graphql-yoga';
import { z } from 'zod';
import { OperatorError } from '../../errors.ts';

/** The file of persisted operations is not one. */
export class PersistedOperationsError extends OperatorError {
  override readonly name = 'PersistedOperationsError';
}

/** The documents in a file, by their ids, which are usually hashes of them. */
async function readDocuments(path: string): Promise<ReadonlyMap<string, string>> {
  try {
    const documents = z.record(z.string(), z.string()).parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(Object.entries(documents));
  } catch (cause) {
    const message = `PERSISTED_OPERATIONS_FILE ${path} cannot be read as a JSON object of ids and documents.`;
    throw new PersistedOperationsError(message, { cause });
  }
}

/**
 * Lets nothing in but the documents in the file. The plugin's own errors carry codes that clients know.
 *
 * @throws PersistedOperationsError when the file cannot be read.
 */
export async function useTrustedDocuments(path: string): Promise<Plugin> {
  const documents = await readDocuments(path);
  const http = { status: 400, spec: true };
  return usePersistedOperations({
    getPersistedOperation: (id) => documents.get(id) ?? null,
    extractPersistedOperationId: ({ extensions, ...params }, { url }) => {
      // As Apollo's clients say it, or as GraphQL over HTTP does.
      const { documentId = new URL(url).searchParams.get('documentId') } = params as { documentId?: unknown };
      const id: unknown = extensions?.['persistedQuery']?.sha256Hash ?? documentId;
      return typeof id === 'string' ? id : null;
    },
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
