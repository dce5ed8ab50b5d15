import { z } from 'zod';
import { unquoted } from '../orders/key-spelling.ts';
import type { Context } from './builder.ts';
import { invalidInput } from './public-error.ts';

const message = 'must be 1 to 255 visible ASCII characters';
const quoting =
  'must be without quotes or, as a whole, in quotes, with a backslash before each quote and backslash in it';

const visible = z.string().regex(/^[\x21-\x7e]{1,255}$/, message);

/** What an idempotency key may look like; its quotes, where it is in quotes, are not part of it. */
export const idempotencyKey = z
  .string()
  .transform((text) => unquoted(text) ?? text)
  // Rows of older versions have keys in quotes, so that one of these would be taken for another's.
  .refine((key) => unquoted(key) === null, 'must not be in quotes twice')
  .pipe(visible);

/** The header's may not be in half of its quotes: what a client means by that is not known. */
const headerKey = z
  .string()
  .refine((text) => unquoted(text) !== null || !text.includes('"'), quoting)
  .pipe(idempotencyKey);

export const idempotencyKeyDescription =
  'Your name for this order, 1 to 255 visible ASCII characters: sent again under the same key, the same order is not ordered again but answered with the original task and `replayed: true`, while another order under the same key is the error IDEMPOTENCY_KEY_MISMATCH. Kept for 30 days, unless the service is set otherwise. An order refused by validation does not use the key up, and neither does one that failed for free (status FAILED, `mayBeBilled` false): the next order to arrive under the key is a new one, whichever it is, and one that repeats the failed order has it as `resubmissionOf`; duplicates that came before the failure are answered with the failed task. The HTTP header `Idempotency-Key` means the same. In quotes, as the IETF draft of the header writes it (`"boat-1"`, with a backslash before each quote and backslash in it), it is the same key as without, in the header and here; in quotes twice it is refused.';

const header = 'idempotency-key';

/** The key an order was sent with: as the argument, or as the HTTP header, since a document holds one order at most. */
export function idempotencyKeyOf(argument: string | null | undefined, { request }: Context): string | undefined {
  const fromHeader = request.headers.get(header);
  if (fromHeader === null) return argument ?? undefined;
  const { data: key, error } = headerKey.safeParse(fromHeader);
  if (error) throw invalidInput(error.issues.map(({ message }) => ({ path: ['idempotencyKey'], message })));
  refuseUnless((argument ?? key) === key, 'is not the one in the HTTP header');
  return key;
}

/** A header over a batch would name all of its orders at once. */
export function refuseIdempotencyHeader({ request }: Context): void {
  refuseUnless(!request.headers.has(header), 'as an HTTP header cannot name a batch: give each order a key of its own');
}

function refuseUnless(fine: boolean, problem: string): void {
  if (!fine) throw invalidInput([{ path: ['idempotencyKey'], message: problem }]);
}
