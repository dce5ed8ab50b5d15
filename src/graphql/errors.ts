import { GraphQLError } from 'graphql';
import { ServiceStoppingError, TaskNotFoundError } from '../videos/errors.ts';

/** The codes in `extensions.code` of an error that is about the request, not about the video. */
type ErrorCode = 'BAD_USER_INPUT' | 'NOT_FOUND' | 'SERVICE_STOPPING';

interface Issue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** One error for all that is wrong with the arguments, each problem with its path from the argument's name on. */
export function invalidInput(found: readonly Issue[]): GraphQLError {
  const issues = found.map(({ message, path = [] }) => ({
    path: path
      .map((step) => (typeof step === 'object' ? step.key : step))
      .map((key) => (typeof key === 'number' ? key : String(key))),
    message,
  }));
  const sentences = issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  return withCode('BAD_USER_INPUT', `${sentences.join('; ')}.`, { issues });
}

function withCode(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...extensions } });
}

/** The error a client may see for one that a resolver threw; null where it is none of the client's business. */
export function publicError(error: unknown): GraphQLError | null {
  if (error instanceof TaskNotFoundError) return withCode('NOT_FOUND', error.message);
  if (error instanceof ServiceStoppingError) return withCode('SERVICE_STOPPING', error.message);
  return null;
}
