import { GraphQLError } from 'graphql';
import { maskError as maskByYoga } from 'graphql-yoga';
import { type Logger, pino } from 'pino';
import { publicError, shown } from '../graphql/public-error.ts';
import { currentRequest } from '../request-context.ts';

/** The error as a client may see it: an error of the contract as it is, any other without its details. */
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

/** Shows only the request's id, by which the error can be found in the log. */
function masked(error: unknown): GraphQLError {
  const hidden = maskByYoga(error, 'Unexpected error.', false) as GraphQLError;
  hidden.extensions['requestId'] = currentRequest()?.requestId;
  return hidden;
}

function innermost(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? innermost(error.originalError) : error;
}

/** How many characters of a stack are logged. */
const maxStackLength = 4_000;

/** An error for the log. Its message is shortened, because it may quote what was sent. */
function logged(error: Error) {
  const { type, message, stack = '', code } = pino.stdSerializers.err(error);
  const trace = stack.replace(error.message, shown).slice(0, maxStackLength);
  return { type, message: shown(message), stack: trace, code };
}

/** Writes Yoga's log lines to the service's log. Yoga logs the errors that clients do not see in full. */
export function toYogaLogger(log: Logger) {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...[first, ...rest]: unknown[]) => {
      if (!(first instanceof Error)) return log[level](shown([first, ...rest].join(' ')));
      const known = publicError(innermost(first));
      if (!known) return log[level]({ err: logged(first) }, 'request failed');
      // A mistake of the client is only noted. An error whose cause lies in this service, such as an unreachable
      // database, is a warning.
      const { code, retryable, retryAfterSeconds } = known.extensions;
      const ours = retryable && retryAfterSeconds === undefined;
      return ours ? log.warn({ code, err: logged(first) }, 'request failed') : log.info({ code }, 'request refused');
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
