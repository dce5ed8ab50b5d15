import type { RequestListener } from 'node:http';
import type { DocumentNode } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Authenticator } from '../access/authenticator.ts';
import type { Caller } from '../access/caller.ts';
import type { CallerContext, Context } from '../graphql/builder.ts';
import { printSdl, schema } from '../graphql/schema.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import { documentCache } from './document-cache.ts';
import { createFastPath } from './fast-path/fast-path.ts';
import { KnownQueries } from './fast-path/query-cache.ts';
import { graphiqlOptions } from './graphiql/graphiql.ts';
import { GraphiqlAssets, serveGraphiql } from './graphiql/graphiql-assets.ts';
import { createGraphiqlRenderer } from './graphiql/graphiql-page.ts';
import { createYogaListener } from './http/yoga-listener.ts';
import { maskError, toYogaLogger } from './mask-error.ts';
import { useAuthentication } from './plugins/authentication.ts';
import { corsFor } from './plugins/cors.ts';
import { type DocumentLimits, useDocumentLimits } from './plugins/document-limits.ts';
import { usePayingOperations } from './plugins/paying-operations.ts';
import { usePersistedDocuments } from './plugins/persisted-operations.ts';
import { type Check, useReadiness } from './plugins/readiness.ts';
import { type BodyLimits, useRequestBody } from './plugins/request-body.ts';
import { useRequestId } from './plugins/request-id.ts';
import { useSecurityHeaders } from './plugins/security-headers.ts';
import { useVariables } from './plugins/variables.ts';
import { useEventStreams } from './sse/event-stream.ts';

/** The context that all requests share. */
export type ServerContext = Omit<Context, keyof CallerContext | 'request'>;

/** The capabilities that answer requests. */
export type Capabilities = Omit<ServerContext, 'maxComplexity' | 'sdl'> & {
  readonly readerFor: (caller: Caller) => TaskReader;
};

export interface GraphqlServer extends Pick<YogaServerInstance<object, ServerContext>, 'fetch'> {
  readonly listener: RequestListener;
}

export interface ServerSettings extends BodyLimits {
  /** The checks of `/ready`, by part. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly stopping: AbortSignal;
  readonly authenticator: Authenticator;
  readonly documents: DocumentLimits & { readonly maxComplexity: number };
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  /** Whether introspection is allowed, and error messages may suggest names of the schema. */
  readonly introspection: boolean;
  /** The file with the only documents that are answered; null to answer any document. */
  readonly persistedOperationsFile: string | null;
  readonly sandbox: boolean;
  /** After how long without traffic a connection is closed. */
  readonly stalledTimeoutMs: number;
}

/**
 * Creates the GraphQL server: Yoga with one plugin for each concern, and the fast path in front of it.
 *
 * @throws PersistedOperationsError when the file of persisted operations cannot be read.
 */
export async function createGraphqlServer(
  { readerFor, ...capabilities }: Capabilities,
  settings: ServerSettings,
): Promise<GraphqlServer> {
  const { checks, stopping, authenticator, documents, introspection, persistedOperationsFile, corsOrigins, graphiql } =
    settings;
  const context: ServerContext = { ...capabilities, maxComplexity: documents.maxComplexity, sdl: printSdl };
  const contextOf = (caller: Caller): CallerContext => ({ caller, tasks: readerFor(caller) });
  const known = new KnownQueries();
  const assets = new GraphiqlAssets();
  const logger = toYogaLogger(context.log);
  const yoga = createYoga<object, ServerContext>({
    schema,
    context,
    plugins: [
      useRequestId(),
      useSecurityHeaders(),
      useReadiness(stopping, checks),
      useAuthentication(authenticator, corsOrigins, contextOf),
      useRequestBody(settings),
      known.plugin(),
      await usePersistedDocuments(persistedOperationsFile),
      useDocumentLimits(documents, { introspection }),
      useVariables({ suggestions: introspection }),
      usePayingOperations(),
      useEventStreams({
        context,
        mask(error) {
          logger.error(error);
          return maskError(error);
        },
      }),
    ],
    graphiql: graphiql && graphiqlOptions,
    renderGraphiQL: createGraphiqlRenderer(assets, settings),
    maskedErrors: { maskError },
    logging: logger,
    parserAndValidationCache: { documentCache: documentCache<DocumentNode>(), errorCache: documentCache<Error>() },
    maxRequestBodySize: false,
    // Apollo Client 4 adds the latter where an SSE link passes on all of an operation.
    extraParamNames: ['documentId', 'operationType'],
    landingPage: false,
    multipart: false,
    cors: corsFor({ allowed: corsOrigins, sandbox: settings.sandbox, log: context.log }),
  });
  const yogaListener = createYogaListener(yoga, settings.stalledTimeoutMs);
  const listener = createFastPath({ authenticator, known, context, contextOf, limits: settings }, yogaListener);
  if (graphiql && !introspection)
    context.log.warn('GRAPHIQL is on and INTROSPECTION is off: GraphiQL shows no schema.');
  return { fetch: yoga.fetch, listener: graphiql ? serveGraphiql(assets, listener) : listener };
}
