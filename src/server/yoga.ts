import { GraphQLError, Kind, type VariableDefinitionNode } from 'graphql';
import { createYoga, maskError, type YogaServerInstance } from 'graphql-yoga';
import type { Logger } from 'pino';
import type { Context } from '../graphql/builder.ts';
import { invalidInput, publicError } from '../graphql/errors.ts';
import { schema } from '../graphql/schema.ts';
import type { Services } from '../videos/services.ts';
import { createGraphiqlRenderer, graphiqlOptions } from './graphiql.ts';
import { useJsonOnly } from './json-only.ts';
import { type Check, useReadiness } from './readiness.ts';

/** Room for the seven largest inline images anybody sends; base64 makes them a third larger. */
const maxRequestBodyBytes = 20 * 1024 * 1024;

export type GraphqlServer = YogaServerInstance<object, Pick<Context, 'services'>>;

/** Yoga around the schema: what is served, what is refused, what a client may see of an error. */
export function createGraphqlServer(
  services: Services,
  { checks, sandbox }: { checks: Readonly<Record<string, Check>>; sandbox: boolean },
): GraphqlServer {
  return createYoga<object, Pick<Context, 'services'>>({
    schema,
    context: { services },
    plugins: [useReadiness(checks), useJsonOnly()],
    graphiql: graphiqlOptions,
    renderGraphiQL: createGraphiqlRenderer({ sandbox }),
    maskedErrors: { errorMessage: 'Unexpected error.', maskError: toPublicError },
    logging: toYogaLogger(services.log),
    maxRequestBodySize: maxRequestBodyBytes,
    landingPage: false,
    multipart: false,
    cors: false,
  });
}

/** The error as a client may see it: what the schema promises, and of all others nothing but that there was one. */
function toPublicError(error: unknown, message: string): Error {
  if (error instanceof GraphQLError && error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION) return misfit(error);
  const known = publicError(innermost(error));
  if (!known) return maskError(error, message, false);
  const { nodes = null, source = null, positions = null, path = null } = error instanceof GraphQLError ? error : known;
  return new GraphQLError(known.message, { nodes, source, positions, path, extensions: known.extensions });
}

/** Enough of a message to find the value by, should it quote an inline image. */
const maxMisfitLength = 500;

/** A variable that does not fit its type: GraphQL finds it before any resolver, and gives it no code. */
function misfit({ message, nodes, extensions }: GraphQLError): GraphQLError {
  const text = message.length > maxMisfitLength ? `${message.slice(0, maxMisfitLength)}…` : message;
  const [variable] = (nodes ?? []) as readonly VariableDefinitionNode[];
  const { extensions: known } = invalidInput([{ path: [variable?.variable.name.value ?? ''], message: text }]);
  return new GraphQLError(text, { ...(nodes && { nodes }), extensions: { ...extensions, ...known } });
}

function innermost(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? innermost(error.originalError) : error;
}

/** What Yoga has to say, in our log. It reports whatever a client does not see as it was thrown. */
function toYogaLogger(log: Logger) {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...[first, ...rest]: unknown[]) => {
      if (!(first instanceof Error)) return log[level]([first, ...rest].join(' '));
      const known = publicError(innermost(first));
      if (!known) return log[level]({ err: first }, 'request failed');
      // A mistake of the client's is none of ours; trouble of ours, that its error only hints at, is.
      const { code, retryable } = known.extensions;
      return retryable ? log.warn({ code, err: first }, 'request failed') : log.info({ code }, 'request refused');
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
