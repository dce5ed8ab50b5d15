import { z } from 'zod';

/** Zod schemas for the values of settings. An environment variable is always text, so each schema converts it. */

export const milliseconds = (byDefault: number) => z.coerce.number().int().min(1).max(2_147_483_647).default(byDefault);
export const count = (byDefault: number) => z.coerce.number().int().min(1).default(byDefault);
export const port = (byDefault: number) => z.coerce.number().int().min(0).max(65_535).default(byDefault);

const upTo = (max: number) =>
  z.union(
    [z.literal('none').transform(() => null), z.coerce.number().int().min(0).max(max)],
    'must be a whole number or none',
  );

/** A limit; `none`, or null by default, for no limit. */
export const limit = (byDefault: number | null) => upTo(2_147_483_647).default(byDefault);

/** A limit in bytes, which has more digits; `none`, or null by default, for no limit. */
export const byteLimit = (byDefault: number | null) => upTo(Number.MAX_SAFE_INTEGER).default(byDefault);

export const onOrOff = z
  .enum(['on', 'off'])
  .transform((value) => value === 'on')
  .optional();

/** Values separated by commas. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Allowed values separated by commas. */
export const someOf = <Value extends string>(allowed: readonly Value[]) =>
  list.refine(
    (values): values is Value[] => values.every((value) => (allowed as readonly string[]).includes(value)),
    `must be some of ${allowed.join(', ')}`,
  );

/** Whether a text is an origin as browsers send it. Of schemes other than the web's, URL itself calls every origin `null`. */
export function isOrigin(text: string): boolean {
  const { protocol, host } = URL.parse(text) ?? { protocol: '', host: '' };
  return host !== '' && text === `${protocol}//${host}`;
}
