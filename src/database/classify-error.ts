import { DatabaseUnavailableError, TaskStateError } from '../errors.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === 'P2002';

/** Prisma's codes for a statement that does not fit the schema, and the errors of wrong code: no waiting helps. */
const mistakes = new Set<unknown>(['P2000', 'P2003', 'P2006', 'P2011', 'P2021', 'P2022']);
/** The same of statements that are written by hand, by the driver's words. */
const driverMistakes = new Set<unknown>(['TableDoesNotExist', 'ColumnNotFound']);
const wrongCode = new Set(['PrismaClientValidationError', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

const isMistake = (error: unknown): boolean =>
  !(error instanceof Error) ||
  error instanceof TaskStateError ||
  wrongCode.has(error.name) ||
  mistakes.has(codeOf(error)) ||
  driverMistakes.has(driverKindOf(error));

/** What Prisma hands on of the driver's error. */
interface RawError extends Error {
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly kind?: unknown } } };
}

const driverKindOf = (error: RawError): unknown => error.meta?.driverAdapterError?.cause?.kind;

type AsyncMethods = Record<string, (...parameters: never[]) => Promise<unknown>>;

/**
 * The same methods, whose errors tell whose fault it is. There is no list of all the ways in which a database can be
 * out of order (locked, full, read-only, gone, restarting, out of connections), so it is whatever is not a mistake.
 */
export function whenAvailable<Methods extends object>(methods: Methods): Methods {
  const guarded = Object.entries(methods as AsyncMethods).map(([name, method]) => [
    name,
    async (...parameters: never[]) => {
      try {
        return await method(...parameters);
      } catch (error) {
        throw isMistake(error) ? error : new DatabaseUnavailableError(error);
      }
    },
  ]);
  return Object.fromEntries(guarded);
}
