import type { Usage } from '../videos/spending.ts';
import type { DatabaseClient } from './client.ts';
import { isUniqueViolation, whenAvailable } from './faults.ts';

export interface SavedUsage extends Usage {
  /** Raised by every write. */
  readonly version: number;
}

export interface UsageStore {
  find(client: string): Promise<SavedUsage | null>;
  /** Writes a usage over that version of it, 0 where there is none yet; null where somebody else has written since. */
  save(client: string, usage: Usage, version: number): Promise<SavedUsage | null>;
}

/** Its methods throw DatabaseUnavailableError when the database does not do what it is asked. */
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
