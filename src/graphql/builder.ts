import SchemaBuilder from '@pothos/core';
import DirectivesPlugin from '@pothos/plugin-directives';
import RelayPlugin from '@pothos/plugin-relay';
import ValidationPlugin from '@pothos/plugin-validation';
import { GraphQLDateTimeISO } from 'graphql-scalars';
import type { Services } from '../videos/services.ts';
import { invalidInput } from './errors.ts';

/** What a resolver gets. */
export interface Context {
  readonly services: Services;
  readonly request: Request;
}

interface Types {
  Context: Context;
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    PublicUrl: { Input: string; Output: string };
    PublicUrlOrDataUri: { Input: string; Output: string };
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
  plugins: [RelayPlugin, ValidationPlugin, DirectivesPlugin],
  defaultFieldNullability: false,
  validation: { validationError: ({ issues }) => invalidInput(issues) },
  directives: { useGraphQLToolsUnorderedDirectives: true },
  relay: {
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    cursorType: 'String',
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      description: 'The tasks of this page, each with its cursor.',
    },
    cursorFieldOptions: { description: 'Where this item stands in the list: pass it as `after` or `before`. Opaque.' },
    nodeFieldOptions: { nullable: false, description: 'The task itself.' },
    pageInfoFieldOptions: { description: 'Whether and where the list goes on.' },
    pageInfoTypeOptions: { description: 'Whether and where a list goes on beyond this page.' },
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

builder.queryType({ description: 'What can be read.' });
builder.mutationType({ description: 'What can be ordered.' });
builder.subscriptionType({ description: 'What can be watched, over server-sent events.' });

builder.addScalarType('DateTime', GraphQLDateTimeISO, {
  description: 'A point in time as RFC 3339 writes it, in UTC, with milliseconds: `2026-11-22T13:21:00.000Z`.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
});
