import { GraphQLError } from 'graphql';
import { maskError as maskByYoga } from 'graphql-yoga';
import { type Logger, pino } from 'pino';
import { publicError, shown } from '../graphql/public-error.ts';
import { currentRequest } from '../request-context.ts';

/** The error as a client may see it: what the schema promises, and of all others nothing but that there was one. */
export function maskError(error: unknown): GraphQLError {
  const known = publicError(innermost(error));
  if (!known) return masked(error);
  const { nodes = null, source = null, positions = null, path = null } = error instanceof GraphQLError ? error : known;
  const extensions = Object.fromEntries(
    Object.entries(known.extensions).map(([name, value]) => [name, shownValue(value)]),
  );
  return new GraphQLError(shown(known.message), { nodes, source, positions, path, extensions });
}

const shownValue = (value: unknown): unknown => (typeof value === 'string' ? shown(value) : value);

/** Nothing but the request's id, by which the log tells what happened. */
function masked(error: unknown): GraphQLError {
  const hidden = maskByYoga(error, 'Unexpected error.', false) as GraphQLError;
  hidden.extensions['requestId'] = currentRequest()?.requestId;
  return hidden;
}

function innermost(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? innermost(error.originalError) : error;
}

/** Enough of a stack to find the fault by. */
const maxStackLength = 4_000;

/** An error as the log has it, without what its message may quote at any length. */
function logged(error: Error) {
  const { type, message, stack = '', code } = pino.stdSerializers.err(error);
  const trace = stack.replace(error.message, shown).slice(0, maxStackLength);
  return { type, message: shown(message), stack: trace, code };
}

/** What Yoga has to say, in our log. It reports whatever a client does not see as it was thrown. */
export function toYogaLogger(log: Logger) {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...[first, ...rest]: unknown[]) => {
      if (!(first instanceof Error)) return log[level](shown([first, ...rest].join(' ')));
      const known = publicError(innermost(first));
      if (!known) return log[level]({ err: logged(first) }, 'request failed');
      // A mistake of the client's is none of ours; trouble of ours, that its error only hints at, is.
      const { code, retryable, retryAfterSeconds } = known.extensions;
      const ours = retryable && retryAfterSeconds === undefined;
      return ours ? log.warn({ code, err: logged(first) }, 'request failed') : log.info({ code }, 'request refused');
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
