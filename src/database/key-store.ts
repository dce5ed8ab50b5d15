import type { DatabaseClient } from './client.ts';
import { whenAvailable } from './faults.ts';
import type { ApiKey } from './generated/sqlite/client.ts';

export type { ApiKey };

export interface KeyStore {
  create(key: Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>): Promise<unknown>;
  findByHash(hash: string): Promise<ApiKey | null>;
  /** All of them, revoked ones too, the oldest first. */
  list(): Promise<ApiKey[]>;
  /** Whether there is any key, revoked ones included: whoever has ever made one wants the door closed. */
  exists(): Promise<boolean>;
  /** Notes that the key was used. */
  use(id: string, at: Date): Promise<unknown>;
  /** Ends the key; false where there is none with this id, or it has ended before. */
  revoke(id: string, at: Date): Promise<boolean>;
}

/** Its methods throw DatabaseUnavailableError when the database does not do what it is asked. */
export function createKeyStore({ apiKey: keys }: DatabaseClient): KeyStore {
  return whenAvailable<KeyStore>({
    create: (data) => keys.create({ data }),
    findByHash: (hash) => keys.findUnique({ where: { hash } }),
    list: () => keys.findMany({ orderBy: { createdAt: 'asc' } }),
    exists: async () => (await keys.findFirst({ select: { id: true } })) !== null,
    use: (id, lastUsedAt) => keys.updateMany({ where: { id }, data: { lastUsedAt } }),
    revoke: async (id, revokedAt) => {
      const { count } = await keys.updateMany({ where: { id, revokedAt: null }, data: { revokedAt } });
      return count === 1;
    },
  });
}
