import { GraphQLError } from 'graphql';
import { LimitExceededError, ServiceError, type ServiceErrorCode } from '../errors.ts';

/** All values of `extensions.code`, those of libraries included. docs/reference.md is written from it. */
export const errorCodes = {
  UNAUTHENTICATED: {
    retryable: false,
    description: 'The request carries no valid API key or token (HTTP 401); nothing was done.',
  },
  FORBIDDEN: {
    retryable: false,
    description: 'The key or token does not have the scope that this takes; nothing was done.',
  },
  RATE_LIMITED: {
    retryable: true,
    description:
      'The client has sent as many orders in this minute as it may; nothing was ordered. Try again after `extensions.retryAfterSeconds`.',
  },
  QUOTA_EXCEEDED: {
    retryable: true,
    description:
      "The order does not fit into what is left of the client's budget of the day; nothing was ordered. The next day begins after `extensions.retryAfterSeconds`; that is null for an order that no day's budget is enough for.",
  },
  LIMIT_EXCEEDED: {
    retryable: false,
    description:
      'The request is more than the service takes on; nothing was done. `extensions.limit` names the limit, most of which are settings, `extensions.max` its value.',
  },
  BAD_USER_INPUT: {
    retryable: false,
    description:
      'A value is not valid; nothing was done. `extensions.issues` names every problem with its path, up to 100 of them.',
  },
  NOT_FOUND: { retryable: false, description: 'There is no such task.' },
  UPLOAD_STATE_CONFLICT: {
    retryable: false,
    description:
      'The uploaded image cannot be used: it does not exist for this client, has not arrived yet, or is not kept any more. Or it was sent a second time. Nothing was ordered.',
  },
  NOT_CONFIGURED: {
    retryable: false,
    description: 'The operator has not set what this takes; the message names the setting. Nothing was done.',
  },
  STORAGE_UNAVAILABLE: {
    retryable: true,
    description: 'The store of files cannot be used at the moment; nothing was done. Try again.',
  },
  TASK_STATE_CONFLICT: {
    retryable: false,
    description: 'The task is in a state in which this cannot be done with it; nothing was done.',
  },
  IDEMPOTENCY_KEY_MISMATCH: {
    retryable: false,
    description:
      'The idempotency key already stands for another order of the client, the task in `extensions.taskId`; nothing was ordered. Look at that task first: it may be the video that is wanted, where only a signature in an image URL is another. Use a new key only for a new order.',
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
  BAD_REQUEST: {
    retryable: false,
    description:
      'The request is not one for GraphQL in JSON (HTTP 400, 405 or 415), or what it sends is not the image that was announced (400, 413 or 415); nothing was done.',
  },
  GRAPHQL_PARSE_FAILED: {
    retryable: false,
    description: 'The document is not GraphQL; nothing was done.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    retryable: false,
    description: 'The document asks for what the schema does not have; nothing was done.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    retryable: false,
    description: 'The document has no operation of the given name, or several and none was named; nothing was done.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    retryable: false,
    description:
      'The request has the id of a document and no document, and the service has no list of documents; nothing was done. Clients with automatic persisted queries then send the document by themselves.',
  },
  PERSISTED_QUERY_ID_REQUIRED: {
    retryable: false,
    description: 'The service answers listed documents only, and the request has no id of one; nothing was done.',
  },
  PERSISTED_QUERY_NOT_IN_LIST: {
    retryable: false,
    description: 'The service answers listed documents only, and none has this id; nothing was done.',
  },
  PERSISTED_QUERY_ONLY: {
    retryable: false,
    description:
      'The service answers listed documents only, and the request has a document of its own; nothing was done.',
  },
} as const satisfies Record<ServiceErrorCode | (string & {}), { retryable: boolean; description: string }>;

export type ErrorCode = keyof typeof errorCodes;

interface Issue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** How many problems one error lists. */
export const maxIssues = 100;

/** Makes one BAD_USER_INPUT error of all problems. Each has its path, which begins with the argument's name. */
export function invalidInput(found: readonly Issue[]): GraphQLError {
  const issues = withinBudget(
    found
      .slice(0, maxIssues)
      .map(({ message, path = [] }) => ({ path: path.map(toPathStep), message: shown(message) })),
  );
  const sentences = issues.map(({ path, message }) => `${path.join('.')} ${withoutStop(message)}`);
  if (found.length > issues.length) sentences.push(`and ${found.length - issues.length} more`);
  return withCode('BAD_USER_INPUT', `${sentences.join('; ')}.`, { issues });
}

/** How many characters the messages of an error's problems have together. Each may quote what was sent. */
const maxIssueCharacters = 8_000;

/** The first problem, and the following ones that fit. */
function withinBudget<Found extends Issue>(issues: readonly Found[]): readonly Found[] {
  let left = maxIssueCharacters;
  return issues.filter(({ message }, index) => {
    left -= message.length;
    return index === 0 || left >= 0;
  });
}

/** Messages of graphql end with a full stop; they are joined into one sentence here. */
const withoutStop = (message: string): string => (message.endsWith('.') ? message.slice(0, -1) : message);

/** How many characters of a text an answer shows. */
const maxShownLength = 500;

/** Shortens a text for an answer, because a message may quote what was sent at any length. */
export const shown = (text: string): string =>
  text.length > maxShownLength ? `${text.slice(0, maxShownLength).toWellFormed()}…` : text;

/** The error for a request that exceeds a limit. */
export function limitExceeded(...facts: ConstructorParameters<typeof LimitExceededError>): GraphQLError {
  const { code, message, details } = new LimitExceededError(...facts);
  return withCode(code, message, details);
}

/** The error for a request that is not GraphQL in JSON. */
export const badRequest = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });

function toPathStep(step: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'number' ? key : shown(String(key));
}

function withCode(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, retryable: errorCodes[code].retryable, ...extensions } });
}

/** The error that a client may see for one that a resolver threw; null for an error whose details must stay hidden. */
export function publicError(error: unknown): GraphQLError | null {
  if (error instanceof GraphQLError) return error;
  if (!(error instanceof ServiceError)) return null;
  return withCode(error.code, shown(error.message), error.details);
}
