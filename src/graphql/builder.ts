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
import type { ImageUploads } from '../media/image-uploads.ts';
import type { Media } from '../media/media.ts';
import type { Orders } from '../orders/orders.ts';
import type { Ledger } from '../spending/ledger.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import type { KeyFinder } from '../tasks/upstream.ts';
import { invalidInput } from './public-error.ts';

/** The part of the context that depends on the caller. */
export interface CallerContext {
  /** The sender of the request. */
  readonly caller: Caller;
  /** The tasks that the caller may see. */
  readonly tasks: TaskReader;
}

/** The context of every resolver: the capabilities, and what depends on the caller. */
export interface Context extends CallerContext {
  readonly request: Request;
  readonly orders: Orders;
  readonly media: Media;
  readonly uploads: ImageUploads;
  readonly ledger: Pick<Ledger, 'usageOf'>;
  readonly subscriptions: OpenSubscriptions;
  /** Finds the upstream's key in texts, because it must not be shown. */
  readonly upstreamKey: KeyFinder;
  readonly now: () => Date;
  readonly log: Logger;
  /** The highest complexity of a document. */
  readonly maxComplexity: number;
  /** Prints the schema as in schema.graphql. */
  readonly sdl: () => string;
}

/** The directives by which this schema takes part in a federated graph. */
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

/** The type of `t` in an input type, for functions that define a single field. */
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
    // Lists without a complexity of their own are short; long ones are connections.
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
      // The complexity of the items is already in that of the connection.
      complexity: { field: 1, multiplier: 1 },
      description: 'The items of this page, each with its cursor.',
    },
    cursorFieldOptions: { description: 'The position of this item in the list, for `after` or `before`. Opaque.' },
    nodeFieldOptions: { nullable: false, description: 'The item itself.' },
    pageInfoFieldOptions: { description: 'Whether and where the list goes on.' },
    // Shareable, because every graph with connections has this type.
    pageInfoTypeOptions: {
      description: 'Whether and where a list goes on beyond this page.',
      directives: { shareable: {} },
    },
    hasNextPageFieldOptions: {
      description:
        'Whether there are items after `endCursor`. When paging with `last`, it only says whether `before` was given.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'Whether there are items before `startCursor`. When paging with `first`, it only says whether `after` was given.',
    },
    startCursorFieldOptions: { description: "The first item's cursor; null when the page is empty." },
    endCursorFieldOptions: { description: "The last item's cursor; null when the page is empty." },
    firstArgOptions: {
      description: 'How many items to return from the start: 0 to 100, 20 when neither `first` nor `last` is given.',
    },
    lastArgOptions: { description: 'How many items to return from the end: 0 to 100. Not together with `first`.' },
    afterArgOptions: { description: 'Returns only items after this cursor.' },
    beforeArgOptions: { description: 'Returns only items before this cursor.' },
  },
});

// The scopes are set on the root types, so a new field needs a scope unless it says otherwise.
builder.queryType({ description: "Reads tasks, models and the caller's own client.", authScopes: { read: true } });
builder.mutationType({ description: 'Orders videos and settles unconfirmed orders.', authScopes: { submit: true } });
builder.subscriptionType({
  description: 'Watches tasks, over server-sent events.',
  authScopes: { read: true },
});

builder.addScalarType('DateTime', GraphQLDateTimeISO, {
  description: 'A point in time as RFC 3339 writes it, in UTC, with milliseconds: `2026-11-22T13:21:00.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
});
