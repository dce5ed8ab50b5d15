import { GraphQLError, Kind, type VariableDefinitionNode } from 'graphql';
import { maskError } from 'graphql-yoga';
import type { Logger } from 'pino';
import { invalidInput, publicError } from '../graphql/errors.ts';
import { shownMessage } from './document-limits.ts';
import { currentRequestId } from './request-id.ts';

/** The error as a client may see it: what the schema promises, and of all others nothing but that there was one. */
export function createErrorMask({ suggestions }: { suggestions: boolean }) {
  return (error: unknown): GraphQLError => {
    if (isMisfit(error)) return misfit(error, suggestions);
    const known = publicError(innermost(error));
    if (!known) return masked(error);
    const {
      nodes = null,
      source = null,
      positions = null,
      path = null,
    } = error instanceof GraphQLError ? error : known;
    return new GraphQLError(known.message, { nodes, source, positions, path, extensions: known.extensions });
  };
}

/** Nothing but the request's id, by which the log tells what happened. */
function masked(error: unknown): GraphQLError {
  const hidden = maskError(error, 'Unexpected error.', false) as GraphQLError;
  hidden.extensions['requestId'] = currentRequestId();
  return hidden;
}

/** A variable that does not fit its type: GraphQL finds it before any resolver, and gives it no code. */
const isMisfit = (error: unknown): error is GraphQLError =>
  error instanceof GraphQLError && error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;

function misfit({ message, nodes, extensions }: GraphQLError, suggestions: boolean): GraphQLError {
  const text = shownMessage(message, suggestions);
  const [variable] = (nodes ?? []) as readonly VariableDefinitionNode[];
  const { extensions: known } = invalidInput([{ path: [variable?.variable.name.value ?? ''], message: text }]);
  // Like any other document that does not fit: 400, but 200 for application/json, behind which gateways look.
  const http = { status: 400, spec: true };
  return new GraphQLError(text, { ...(nodes && { nodes }), extensions: { ...extensions, ...known, http } });
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
      if (isMisfit(first)) return log.info({ code: 'BAD_USER_INPUT' }, 'request refused');
      const known = publicError(innermost(first));
      if (!known) return log[level]({ err: first }, 'request failed');
      // A mistake of the client's is none of ours; trouble of ours, that its error only hints at, is.
      const { code, retryable, retryAfterSeconds } = known.extensions;
      const ours = retryable && retryAfterSeconds === undefined;
      return ours ? log.warn({ code, err: first }, 'request failed') : log.info({ code }, 'request refused');
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
