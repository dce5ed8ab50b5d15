import { z } from 'zod';
import { unquoted } from '../orders/key-spelling.ts';
import type { Context } from './builder.ts';
import { invalidInput } from './public-error.ts';

const message = 'must be 1 to 255 visible ASCII characters';
const quoting =
  'must be without quotes or, as a whole, in quotes, with a backslash before each quote and backslash in it';

const visible = z.string().regex(/^[\x21-\x7e]{1,255}$/, message);

/** The schema of an idempotency key. It removes the quotes of a quoted key, which are not part of it. */
export const idempotencyKey = z
  .string()
  .transform((text) => unquoted(text) ?? text)
  // Older versions stored keys with their quotes, so a key in two pairs of quotes would match another key's row.
  .refine((key) => unquoted(key) === null, 'must not be in quotes twice')
  .pipe(visible);

/** A header with quotes inside an unquoted key is refused, because it may be half of a quoted one. */
const headerKey = z
  .string()
  .refine((text) => unquoted(text) !== null || !text.includes('"'), quoting)
  .pipe(idempotencyKey);

export const idempotencyKeyDescription =
  'Your name for this order, 1 to 255 visible ASCII characters. The same order, sent again under the same key, is not ordered again: the answer is the original task with `replayed: true`. Another order under the same key is the error IDEMPOTENCY_KEY_MISMATCH. A key is kept for 30 days, unless the service is set otherwise. An order that validation refuses does not use its key up, and neither does one that failed for free (status FAILED, `mayBeBilled` false): the next order that arrives under the key is placed as a new one (a cancelled task keeps its key), and if it is the same order, the failed task is its `resubmissionOf`. Duplicates that arrived before the failure are answered with the failed task. The HTTP header `Idempotency-Key` means the same. A key in quotes, as the IETF draft of the header writes it (`"boat-1"`, with a backslash before each quote and backslash in it), is the same key as without them, in the header and here; a key in two pairs of quotes is refused.';

const header = 'idempotency-key';

/**
 * The idempotency key of an order, from the argument or from the HTTP header. One header is enough, because a document
 * holds one order at most.
 */
export function idempotencyKeyOf(argument: string | null | undefined, { request }: Context): string | undefined {
  const fromHeader = request.headers.get(header);
  if (fromHeader === null) return argument ?? undefined;
  const { data: key, error } = headerKey.safeParse(fromHeader);
  if (error) throw invalidInput(error.issues.map(({ message }) => ({ path: ['idempotencyKey'], message })));
  refuseUnless((argument ?? key) === key, 'is not the one in the HTTP header');
  return key;
}

/** Refuses the header for a batch, because it would give all orders the same key. */
export function refuseIdempotencyHeader({ request }: Context): void {
  refuseUnless(!request.headers.has(header), 'as an HTTP header cannot name a batch: give each order a key of its own');
}

function refuseUnless(fine: boolean, problem: string): void {
  if (!fine) throw invalidInput([{ path: ['idempotencyKey'], message: problem }]);
}
