import type { RequestListener } from 'node:http';
import type { DocumentNode } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Door } from '../access/door.ts';
import type { OpenSubscriptions } from '../access/subscriptions.ts';
import type { Context } from '../graphql/builder.ts';
import { printSdl, schema } from '../graphql/schema.ts';
import type { Services } from '../videos/services.ts';
import { useAuthentication } from './authentication.ts';
import { documentCache } from './document-cache.ts';
import { type DocumentLimits, useDocumentLimits } from './document-limits.ts';
import { maskError, toYogaLogger } from './errors.ts';
import { useEventStreams } from './event-stream.ts';
import { createGraphiqlRenderer, graphiqlOptions } from './graphiql.ts';
import { KnownQueries } from './known-queries.ts';
import { createLongWay } from './long-way.ts';
import { usePayingOperations } from './paying-operations.ts';
import { useTrustedDocuments } from './persisted-operations.ts';
import { type Check, useReadiness } from './readiness.ts';
import { type BodyLimits, useRequestBody } from './request-body.ts';
import { useRequestId } from './request-id.ts';
import { useSecurityHeaders } from './security-headers.ts';
import { createShortWay } from './short-way.ts';
import { useVariables } from './variables.ts';

/** What stands in the context of every request, whoever sends it. */
type ServerContext = Pick<Context, 'services' | 'subscriptions' | 'maxComplexity' | 'sdl'>;

export interface GraphqlServer extends Pick<YogaServerInstance<object, ServerContext>, 'fetch'> {
  readonly listener: RequestListener;
}

export interface ServerSettings extends BodyLimits {
  /** What `/ready` asks of each part, and what ends it all. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly stopping: AbortSignal;
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
  /** After how long a connection on which nothing moves is closed. */
  readonly stalledTimeoutMs: number;
}

/**
 * Yoga around the schema: who comes in, what is served, what is refused, what a client may see of an error.
 *
 * @throws PersistedOperationsError when their file cannot be read.
 */
export async function createGraphqlServer(services: Services, settings: ServerSettings): Promise<GraphqlServer> {
  const {
    checks,
    stopping,
    door,
    subscriptions,
    documents,
    introspection,
    persistedOperationsFile,
    corsOrigins,
    graphiql,
  } = settings;
  const trusted = persistedOperationsFile === null ? [] : [await useTrustedDocuments(persistedOperationsFile)];
  const context: ServerContext = { services, subscriptions, maxComplexity: documents.maxComplexity, sdl: printSdl };
  const known = new KnownQueries();
  const logger = toYogaLogger(services.log);
  const yoga = createYoga<object, ServerContext>({
    schema,
    context,
    plugins: [
      useRequestId(),
      useSecurityHeaders(),
      useReadiness(stopping, checks),
      useAuthentication(door, corsOrigins),
      useRequestBody(settings),
      known.plugin(),
      ...trusted,
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
    renderGraphiQL: createGraphiqlRenderer(settings),
    maskedErrors: { maskError },
    logging: logger,
    parserAndValidationCache: { documentCache: documentCache<DocumentNode>(), errorCache: documentCache<Error>() },
    maxRequestBodySize: false,
    extraParamNames: ['documentId'],
    landingPage: false,
    multipart: false,
    cors: corsOrigins.length > 0 && corsFor(corsOrigins),
  });
  const longWay = createLongWay(yoga, settings.stalledTimeoutMs);
  return { fetch: yoga.fetch, listener: createShortWay({ door, known, context, limits: settings }, longWay) };
}

/**
 * By hand, because Yoga answers an origin that is not on its list with `null`, and that is the origin of every page in
 * a sandboxed frame.
 */
const corsFor = (allowed: readonly string[]) => (request: Request) => {
  const origin = request.headers.get('origin');
  return origin !== null && allowed.includes(origin) && { origin, methods: ['GET', 'POST'], credentials: false };
};
