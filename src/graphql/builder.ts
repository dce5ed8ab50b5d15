import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DirectivesPlugin from '@pothos/plugin-directives';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import ValidationPlugin from '@pothos/plugin-validation';
import { GraphQLDateTimeISO } from 'graphql-scalars';
import type { Logger } from 'pino';
import type { Caller, Scope } from '../access/caller.ts';
import type { OpenSubscriptions } from '../access/subscriptions.ts';
import { ForbiddenError, LimitExceededError } from '../errors.ts';
import type { Orders } from '../orders/orders.ts';
import type { Ledger } from '../spending/ledger.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import type { KeyFinder } from '../tasks/upstream.ts';
import { invalidInput } from './public-error.ts';

/** What is bound to the caller of a request. */
export interface CallerContext {
  /** Who sends the request. */
  readonly caller: Caller;
  /** The tasks that the caller may see. */
  readonly tasks: TaskReader;
}

/** What a resolver gets: the capabilities, and what is bound to the caller. */
export interface Context extends CallerContext {
  readonly request: Request;
  readonly orders: Orders;
  readonly ledger: Pick<Ledger, 'usageOf'>;
  readonly subscriptions: OpenSubscriptions;
  /** Finds the upstream's key, which must not be shown. */
  readonly upstreamKey: KeyFinder;
  readonly now: () => Date;
  readonly log: Logger;
  /** What a document may weigh. */
  readonly maxComplexity: number;
  /** The schema as schema.graphql has it. */
  readonly sdl: () => string;
}

/** What this schema says to the composer of a federated graph. */
type Directives = {
  key: { locations: 'OBJECT'; args: { fields: string } };
  shareable: { locations: 'OBJECT' };
};

interface Types {
  Context: Context;
  AuthScopes: Record<Scope, boolean>;
  Directives: Directives;
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    VideoImageUrl: { Input: string; Output: string };
    _Any: { Input: unknown; Output: unknown };
    VideoImageDataUri: { Input: string; Output: string };
  };
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
}

/** What defines the fields of an input type, for functions that define one such field. */
export type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<Types>,
  'InputObject'
>;

export const builder = new SchemaBuilder<Types>({
  plugins: [ScopeAuthPlugin, ComplexityPlugin, RelayPlugin, ValidationPlugin, DirectivesPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ caller }) => ({
      read: caller.scopes.includes('read'),
      submit: caller.scopes.includes('submit'),
      admin: caller.seesAll,
    }),
    authorizeOnSubscribe: true,
    unauthorizedError: (_, { caller }, { parentType, fieldName }) => {
      const scopes = caller.scopes.join(', ') || 'none';
      return new ForbiddenError(
        `${parentType}.${fieldName} takes a scope that this key does not have. Its scopes: ${scopes}.`,
      );
    },
  },
  complexity: {
    limit: ({ maxComplexity }) => ({ complexity: maxComplexity }),
    // A list that says nothing else is a short one: the long ones are connections.
    defaultListMultiplier: 5,
    complexityError: (_, { complexity, maxComplexity = 0 }) =>
      new LimitExceededError(`The document has a complexity of ${complexity}`, 'MAX_COMPLEXITY', maxComplexity),
  },
  validation: { validationError: ({ issues }) => invalidInput(issues) },
  directives: { useGraphQLToolsUnorderedDirectives: true },
  relay: {
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    cursorType: 'String',
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      // The connection has counted them.
      complexity: { field: 1, multiplier: 1 },
      description: 'The items of this page, each with its cursor.',
    },
    cursorFieldOptions: { description: 'Where this item stands in the list: pass it as `after` or `before`. Opaque.' },
    nodeFieldOptions: { nullable: false, description: 'The item itself.' },
    pageInfoFieldOptions: { description: 'Whether and where the list goes on.' },
    // Every graph with connections has this type.
    pageInfoTypeOptions: {
      description: 'Whether and where a list goes on beyond this page.',
      directives: { shareable: {} },
    },
    hasNextPageFieldOptions: {
      description:
        'Whether there is more after `endCursor`. When paging with `last`, all that is known is whether `before` was given.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'Whether there is more before `startCursor`. When paging with `first`, all that is known is whether `after` was given.',
    },
    startCursorFieldOptions: { description: "The first item's cursor; null when the page is empty." },
    endCursorFieldOptions: { description: "The last item's cursor; null when the page is empty." },
    firstArgOptions: {
      description: 'How many to return from the start: 0 to 100, 20 when neither `first` nor `last` is given.',
    },
    lastArgOptions: { description: 'How many to return from the end: 0 to 100. Not together with `first`.' },
    afterArgOptions: { description: 'Only what comes after this cursor.' },
    beforeArgOptions: { description: 'Only what comes before this cursor.' },
  },
});

// The scopes stand on the types: a new field is closed until it says otherwise.
builder.queryType({ description: 'What can be read.', authScopes: { read: true } });
builder.mutationType({ description: 'What can be ordered.', authScopes: { submit: true } });
builder.subscriptionType({
  description: 'What can be watched, over server-sent events.',
  authScopes: { read: true },
});

builder.addScalarType('DateTime', GraphQLDateTimeISO, {
  description: 'A point in time as RFC 3339 writes it, in UTC, with milliseconds: `2026-11-22T13:21:00.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
});
