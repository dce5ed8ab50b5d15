import { z } from 'zod';
import type { Context } from './builder.ts';
import { invalidInput } from './errors.ts';

const message = 'must be 1 to 255 visible ASCII characters';

/** What an idempotency key may look like. */
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, message);

export const idempotencyKeyDescription =
  'Your name for this order, 1 to 255 visible ASCII characters: sent again under the same key, the same order is not ordered again but answered with the original task, whatever has become of it, while another order under the same key is the error IDEMPOTENCY_KEY_MISMATCH. Kept for 30 days, unless the service is set otherwise. An order refused by validation does not use the key up. The HTTP header `Idempotency-Key` means the same.';

const header = 'idempotency-key';

/** The key an order was sent with: as the argument, or as the HTTP header, since a document holds one order at most. */
export function idempotencyKeyOf(argument: string | null | undefined, { request }: Context): string | undefined {
  const fromHeader = request.headers.get(header);
  if (fromHeader === null) return argument ?? undefined;
  refuseUnless(idempotencyKey.safeParse(fromHeader).success, message);
  refuseUnless((argument ?? fromHeader) === fromHeader, 'is not the one in the HTTP header');
  return fromHeader;
}

/** A header over a batch would name all of its orders at once. */
export function refuseIdempotencyHeader({ request }: Context): void {
  refuseUnless(!request.headers.has(header), 'as an HTTP header cannot name a batch: give each order a key of its own');
}

function refuseUnless(fine: boolean, problem: string): void {
  if (!fine) throw invalidInput([{ path: ['idempotencyKey'], message: problem }]);
}
