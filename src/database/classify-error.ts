import { DatabaseUnavailableError, TaskStateError } from '../errors.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === 'P2002';

/**
 * Prisma's codes for statements that do not fit the schema, and errors of the program itself: waiting does not help.
 */
const mistakes = new Set<unknown>(['P2000', 'P2003', 'P2006', 'P2011', 'P2021', 'P2022']);
/** The same for statements in SQL, by the driver's error kinds. */
const driverMistakes = new Set<unknown>(['TableDoesNotExist', 'ColumnNotFound']);
const wrongCode = new Set(['PrismaClientValidationError', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

const isMistake = (error: unknown): boolean =>
  !(error instanceof Error) ||
  error instanceof TaskStateError ||
  wrongCode.has(error.name) ||
  mistakes.has(codeOf(error)) ||
  driverMistakes.has(driverKindOf(error));

/** The part of the driver's error that Prisma passes on. */
interface RawError extends Error {
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly kind?: unknown } } };
}

const driverKindOf = (error: RawError): unknown => error.meta?.driverAdapterError?.cause?.kind;

type AsyncMethods = Record<string, (...parameters: never[]) => Promise<unknown>>;

/**
 * Wraps methods so that an error of the database becomes DatabaseUnavailableError, and an error of the program stays as
 * it is. A database fails in too many ways to list (locked, full, read-only, gone, restarting, out of connections), so
 * every error that is not a known mistake counts as the database's.
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
