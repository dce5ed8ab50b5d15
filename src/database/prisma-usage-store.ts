import type { UsageStore } from '../spending/usage-store.ts';
import { isUniqueViolation, whenAvailable } from './classify-error.ts';
import type { DatabaseClient } from './database.ts';

/**
 * Creates the usage store. Its methods throw DatabaseUnavailableError when the database does not carry out a statement.
 */
export function createUsageStore({ usage: usages }: DatabaseClient): UsageStore {
  return whenAvailable<UsageStore>({
    find: (client) => usages.findUnique({ where: { client } }),

    async save(client, { minute, submits, day, seconds, calls }, version) {
      const data = { minute, submits, day, seconds, calls, version: version + 1 };
      if (version > 0) {
        const { count } = await usages.updateMany({ where: { client, version }, data });
        return count === 1 ? data : null;
      }
      try {
        return await usages.create({ data: { client, ...data } });
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },
  });
}
