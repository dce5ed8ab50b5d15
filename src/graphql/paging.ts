import { z } from 'zod';

export const maxPageSize = 100;

/** The page size without `first` and `last`: the default of the relay plugin. */
const defaultPageSize = 20;

interface PageSize {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}

/** The complexity of a page is that of its items together. */
export const pageComplexity = ({ first, last }: PageSize) => ({
  field: 1,
  multiplier: Math.min(first ?? last ?? defaultPageSize, maxPageSize),
});

const pageSize = z.int().min(0, 'must not be negative').max(maxPageSize, `must be at most ${maxPageSize}`).nullish();

/** The schema for the arguments of a connection, by the form of its cursors. */
export function pageArguments(form: z.ZodType<string>) {
  const cursor = form.nullish();
  return z
    .looseObject({ first: pageSize, last: pageSize, after: cursor, before: cursor })
    .refine(({ first, last }) => first == null || last == null, {
      path: ['last'],
      message: 'cannot be combined with first',
      when: () => true,
    });
}

const foreignCursor = 'must be a cursor that this list has given';

/** The cursor of a task is its id. */
export const taskCursor = z.uuid(foreignCursor).toLowerCase();

/** The cursor of an item in an array is its index, as the relay plugin encodes it. */
export const offsetCursor = z
  .string()
  .refine((cursor) => /^OffsetConnection:\d{1,9}$/.test(Buffer.from(cursor, 'base64').toString()), foreignCursor);

/** Sets the cursors of a page from its items: null for an empty page, for which the libraries invent cursors. */
export function withTrueCursors<Edge extends { cursor: string }, PageInfo extends object>(connection: {
  edges: readonly Edge[];
  pageInfo: PageInfo;
}) {
  const { edges, pageInfo } = connection;
  const cursors = { startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null };
  return { edges, pageInfo: { ...pageInfo, ...cursors } };
}
