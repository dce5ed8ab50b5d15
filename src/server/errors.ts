import { GraphQLError } from 'graphql';
import { maskError as maskByYoga } from 'graphql-yoga';
import type { Logger } from 'pino';
import { publicError, shown } from '../graphql/errors.ts';
import { currentRequestId } from './request-id.ts';

/** The error as a client may see it: what the schema promises, and of all others nothing but that there was one. */
export function maskError(error: unknown): GraphQLError {
  const known = publicError(innermost(error));
  if (!known) return masked(error);
  const { nodes = null, source = null, positions = null, path = null } = error instanceof GraphQLError ? error : known;
  return new GraphQLError(shown(known.message), { nodes, source, positions, path, extensions: known.extensions });
}

/** Nothing but the request's id, by which the log tells what happened. */
function masked(error: unknown): GraphQLError {
  const hidden = maskByYoga(error, 'Unexpected error.', false) as GraphQLError;
  hidden.extensions['requestId'] = currentRequestId();
  return hidden;
}

function innermost(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? innermost(error.originalError) : error;
}

/** What Yoga has to say, in our log. It reports whatever a client does not see as it was thrown. */
export function toYogaLogger(log: Logger) {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...[first, ...rest]: unknown[]) => {
      if (!(first instanceof Error)) return log[level]([first, ...rest].join(' '));
      const known = publicError(innermost(first));
      if (!known) return log[level]({ err: first }, 'request failed');
      // A mistake of the client's is none of ours; trouble of ours, that its error only hints at, is.
      const { code, retryable, retryAfterSeconds } = known.extensions;
      const ours = retryable && retryAfterSeconds === undefined;
      return ours ? log.warn({ code, err: first }, 'request failed') : log.info({ code }, 'request refused');
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
