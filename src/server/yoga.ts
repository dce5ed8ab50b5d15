import type { RequestListener } from 'node:http';
import type { DocumentNode } from 'graphql';
import { createYoga, type Plugin, type YogaLogger, type YogaServerInstance } from 'graphql-yoga';
import type { Authenticator } from '../access/authenticator.ts';
import type { Caller } from '../access/caller.ts';
import type { CallerContext, Context } from '../graphql/builder.ts';
import { printSdl, schema } from '../graphql/schema.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import { documentCache } from './document-cache.ts';
import { createFastPath } from './fast-path/fast-path.ts';
import type { pluginsOfOurs } from './fast-path/honoured-plugins.ts';
import { QueryCache } from './fast-path/query-cache.ts';
import { receiveUploads } from './files/receive-upload.ts';
import { serveFiles } from './files/serve-files.ts';
import { graphiqlOptions } from './graphiql/graphiql.ts';
import { GraphiqlAssets, serveGraphiql } from './graphiql/graphiql-assets.ts';
import { createGraphiqlRenderer } from './graphiql/graphiql-page.ts';
import { createYogaListener } from './http/yoga-listener.ts';
import { maskError, toYogaLogger } from './mask-error.ts';
import { useAuthentication } from './plugins/authentication.ts';
import { corsFor } from './plugins/cors.ts';
import { type DocumentLimits, useDocumentLimits } from './plugins/document-limits.ts';
import { usePayingOperations } from './plugins/paying-operations.ts';
import { useNoPersistedDocuments, usePersistedDocuments } from './plugins/persisted-operations.ts';
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

/** The plugins that the service adds to Yoga's, by their names in the table of the fast path; in the order of their hooks. */
type OwnPlugins = Record<keyof typeof pluginsOfOurs, Plugin | false>;

export interface GraphqlServer extends Pick<YogaServerInstance<object, ServerContext>, 'fetch'> {
  /** Answers every request over HTTP, by the fast path or through Yoga. */
  readonly listener: RequestListener;
  /** What is installed in Yoga: all plugins, and those of them that are the service's. */
  readonly plugins: { readonly all: readonly object[]; readonly own: OwnPlugins };
}

export interface ServerSettings extends BodyLimits {
  /** The checks of `/ready`, by part. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly stopping: AbortSignal;
  readonly authenticator: Authenticator;
  readonly documents: DocumentLimits & { readonly maxComplexity: number };
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  /** Whether queries that Yoga has answered before may be answered by the fast path. */
  readonly fastPath: boolean;
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
  const { authenticator, documents, introspection, corsOrigins, graphiql, fastPath } = settings;
  const context: ServerContext = { ...capabilities, maxComplexity: documents.maxComplexity, sdl: printSdl };
  const contextOf = (caller: Caller): CallerContext => ({ caller, tasks: readerFor(caller) });
  const queries = new QueryCache();
  const assets = new GraphiqlAssets();
  const logger = toYogaLogger(context.log);
  const own = await createPlugins({ context, contextOf, queries, logger }, settings);
  const yoga = createYoga<object, ServerContext>({
    schema,
    context,
    plugins: Object.values(own).filter((plugin) => plugin !== false),
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
  const throughYoga = createYogaListener(yoga, settings.stalledTimeoutMs);
  const listener = fastPath
    ? createFastPath({ authenticator, queries, context, contextOf, limits: settings }, throughYoga)
    : throughYoga;
  const graphql = graphiql ? serveGraphiql(assets, listener) : listener;
  if (graphiql && !introspection)
    context.log.warn('GRAPHIQL is on and INTROSPECTION is off: GraphiQL shows no schema.');
  return {
    fetch: yoga.fetch,
    listener: receiveUploads(context.uploads, context.log, serveFiles(context.media, context.log, graphql)),
    // Yoga declares the list protected, and a test compares it with the table of the fast path.
    plugins: { all: yoga['plugins'], own },
  };
}

interface PluginParts {
  readonly context: ServerContext;
  readonly contextOf: (caller: Caller) => CallerContext;
  readonly queries: QueryCache;
  readonly logger: Pick<YogaLogger, 'error'>;
}

async function createPlugins(
  { context, contextOf, queries, logger }: PluginParts,
  settings: ServerSettings,
): Promise<OwnPlugins> {
  const { introspection, persistedOperationsFile: file } = settings;
  return {
    requestId: useRequestId(),
    securityHeaders: useSecurityHeaders(),
    readiness: useReadiness(settings.stopping, settings.checks),
    authentication: useAuthentication(settings.authenticator, settings.corsOrigins, contextOf),
    requestBody: useRequestBody(settings),
    queryCache: settings.fastPath && queries.plugin(),
    persistedOperations: file !== null && (await usePersistedDocuments(file)),
    noPersistedOperations: file === null && useNoPersistedDocuments(),
    documentLimits: useDocumentLimits(settings.documents, { introspection }),
    variables: useVariables({ suggestions: introspection }),
    payingOperations: usePayingOperations(),
    eventStreams: useEventStreams({
      context,
      mask(error) {
        logger.error(error);
        return maskError(error);
      },
    }),
  };
}
