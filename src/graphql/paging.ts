import { z } from 'zod';

export const maxPageSize = 100;

/** How many a page has where nothing else is said: the relay plugin's default. */
const defaultPageSize = 20;

interface PageSize {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}

/** A page weighs as much as its items together. */
export const pageComplexity = ({ first, last }: PageSize) => ({
  field: 1,
  multiplier: Math.min(first ?? last ?? defaultPageSize, maxPageSize),
});

const pageSize = z.int().min(0, 'must not be negative').max(maxPageSize, `must be at most ${maxPageSize}`).nullish();

/** The arguments of a connection whose cursors are of the given form. */
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

/** A list of tasks goes by their ids. */
export const taskCursor = z.uuid(foreignCursor).toLowerCase();

/** A list that is held as a whole goes by the place in it, as the relay plugin writes it. */
export const offsetCursor = z
  .string()
  .refine((cursor) => /^OffsetConnection:\d{1,9}$/.test(Buffer.from(cursor, 'base64').toString()), foreignCursor);

/** The libraries make up cursors for an empty page; there is no item they could belong to. */
export function withTrueCursors<Edge extends { cursor: string }, PageInfo extends object>(connection: {
  edges: readonly Edge[];
  pageInfo: PageInfo;
}) {
  const { edges, pageInfo } = connection;
  const cursors = { startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null };
  return { edges, pageInfo: { ...pageInfo, ...cursors } };
}
