import type { DocumentNode } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Door } from '../access/door.ts';
import type { OpenSubscriptions } from '../access/subscriptions.ts';
import type { Context } from '../graphql/builder.ts';
import { printSdl, schema } from '../graphql/schema.ts';
import type { Services } from '../videos/services.ts';
import { useAuthentication } from './authentication.ts';
import { type DocumentLimits, useDocumentLimits } from './document-limits.ts';
import { createErrorMask, toYogaLogger } from './errors.ts';
import { useEventStreams } from './event-stream.ts';
import { createGraphiqlRenderer, graphiqlOptions } from './graphiql.ts';
import { useTrustedDocuments } from './persisted-operations.ts';
import { type Check, useReadiness } from './readiness.ts';
import { type BodyLimits, useRequestBody } from './request-body.ts';
import { useRequestId } from './request-id.ts';
import { useSecurityHeaders } from './security-headers.ts';

/** What stands in the context of every request, whoever sends it. */
type ServerContext = Pick<Context, 'services' | 'subscriptions' | 'maxComplexity' | 'sdl'>;

export type GraphqlServer = YogaServerInstance<object, ServerContext>;

export interface ServerSettings extends BodyLimits {
  readonly checks: Readonly<Record<string, Check>>;
  readonly door: Door;
  readonly subscriptions: OpenSubscriptions;
  readonly documents: DocumentLimits & { readonly maxComplexity: number };
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  /** Whether the schema may be asked for, and near misses are answered with what may have been meant. */
  readonly introspection: boolean;
  /** Where the only documents that are answered stand; null for any document. */
  readonly persistedOperationsFile: string | null;
  readonly sandbox: boolean;
}

/**
 * Parsed documents are kept up to so many characters in all; each takes up to 300 bytes of memory, parsed, and a
 * short one more. */
const maxCachedCharacters = 150_000;

const errorMessage = 'Unexpected error.';

const documentCache = <Value extends object>() =>
  new LRUCache<string, Value>({ maxSize: maxCachedCharacters, sizeCalculation: (_, text) => text.length + 200 });

/**
 * Yoga around the schema: who comes in, what is served, what is refused, what a client may see of an error.
 *
 * @throws PersistedOperationsError when their file cannot be read.
 */
export async function createGraphqlServer(services: Services, settings: ServerSettings): Promise<GraphqlServer> {
  const { checks, door, subscriptions, documents, introspection, persistedOperationsFile, corsOrigins, graphiql } =
    settings;
  const trusted = persistedOperationsFile === null ? [] : [await useTrustedDocuments(persistedOperationsFile)];
  const logger = toYogaLogger(services.log);
  const maskError = createErrorMask({ suggestions: introspection });
  return createYoga<object, ServerContext>({
    schema,
    context: { services, subscriptions, maxComplexity: documents.maxComplexity, sdl: printSdl },
    plugins: [
      useRequestId(),
      useSecurityHeaders(),
      useReadiness(checks),
      await useAuthentication(door, corsOrigins),
      useRequestBody(settings),
      ...trusted,
      useDocumentLimits(documents, { introspection }),
      useEventStreams((error) => {
        logger.error(error);
        return maskError(error, errorMessage);
      }),
    ],
    graphiql: graphiql && graphiqlOptions,
    renderGraphiQL: createGraphiqlRenderer(settings),
    maskedErrors: {
      errorMessage,
      maskError,
    },
    logging: logger,
    parserAndValidationCache: { documentCache: documentCache<DocumentNode>(), errorCache: documentCache<Error>() },
    maxRequestBodySize: false,
    extraParamNames: ['documentId'],
    landingPage: false,
    multipart: false,
    cors: corsOrigins.length > 0 && corsFor(corsOrigins),
  });
}

/**
 * By hand, because Yoga answers an origin that is not on its list with `null`, and that is the origin of every page in
 * a sandboxed frame.
 */
const corsFor = (allowed: readonly string[]) => (request: Request) => {
  const origin = request.headers.get('origin');
  return origin !== null && allowed.includes(origin) && { origin, methods: ['GET', 'POST'], credentials: false };
};
