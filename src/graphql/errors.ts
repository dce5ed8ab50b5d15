import { GraphQLError } from 'graphql';
import {
  AnswerNotSavedError,
  DatabaseUnavailableError,
  IdempotencyKeyMismatchError,
  ServiceStoppingError,
  TaskNotFoundError,
  TaskStateError,
} from '../videos/errors.ts';

/** The codes in `extensions.code` of an error that is about the request, not about a video; README.md lists them. */
export const errorCodes = {
  BAD_USER_INPUT: {
    retryable: false,
    description: 'A value is not valid; nothing was done. `extensions.issues` names every problem with its path.',
  },
  NOT_FOUND: { retryable: false, description: 'There is no such task.' },
  TASK_STATE_CONFLICT: {
    retryable: false,
    description: 'The task is in a state in which this cannot be done with it; nothing was done.',
  },
  IDEMPOTENCY_KEY_MISMATCH: {
    retryable: false,
    description: 'The idempotency key already stands for another order; nothing was ordered.',
  },
  DATABASE_UNAVAILABLE: {
    retryable: true,
    description:
      'The database does not answer at the moment. Try again. Of an order the message says so where nothing was ordered.',
  },
  ANSWER_NOT_SAVED: {
    retryable: false,
    description:
      'The order was sent, but the database does not take the answer at the moment. It will be saved as soon as possible, under the id in `extensions.taskId`: do not order again.',
  },
  SERVICE_STOPPING: {
    retryable: true,
    description: 'The service is shutting down and takes no more orders; nothing was ordered. Try again.',
  },
  INTERNAL_SERVER_ERROR: {
    retryable: false,
    description: 'A fault of this service; its log has the reason.',
  },
} as const;

export type ErrorCode = keyof typeof errorCodes;

interface Issue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** One error for all that is wrong with the arguments, each problem with its path from the argument's name on. */
export function invalidInput(found: readonly Issue[]): GraphQLError {
  const issues = found.map(({ message, path = [] }) => ({ path: path.map(toPathStep), message }));
  const sentences = issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  return withCode('BAD_USER_INPUT', `${sentences.join('; ')}.`, { issues });
}

function toPathStep(step: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'number' ? key : String(key);
}

function withCode(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, retryable: errorCodes[code].retryable, ...extensions } });
}

const codesOfErrors = new Map<unknown, ErrorCode>([
  [TaskNotFoundError, 'NOT_FOUND'],
  [TaskStateError, 'TASK_STATE_CONFLICT'],
  [IdempotencyKeyMismatchError, 'IDEMPOTENCY_KEY_MISMATCH'],
  [DatabaseUnavailableError, 'DATABASE_UNAVAILABLE'],
  [AnswerNotSavedError, 'ANSWER_NOT_SAVED'],
  [ServiceStoppingError, 'SERVICE_STOPPING'],
]);

/** The error a client may see for one that a resolver threw; null where it is none of the client's business. */
export function publicError(error: unknown): GraphQLError | null {
  if (error instanceof GraphQLError) return error;
  const code = error instanceof Error && codesOfErrors.get(error.constructor);
  if (!code) return null;
  return withCode(code, error.message, error instanceof AnswerNotSavedError ? { taskId: error.taskId } : {});
}
