import type { Database } from './client.ts';
import { whenAvailable } from './faults.ts';
import type { ApiKey } from './generated/sqlite/client.ts';
import { RowCache } from './row-cache.ts';

export type { ApiKey };

export interface KeyStore {
  create(key: Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>): Promise<void>;
  findByHash(hash: string): Promise<ApiKey | null>;
  /** All of them, revoked ones too, the oldest first. */
  list(): Promise<ApiKey[]>;
  /** Whether there is any key, revoked ones included: whoever has ever made one wants the door closed. */
  exists(): Promise<boolean>;
  /** Notes that the key was used. */
  use(key: ApiKey, at: Date): Promise<void>;
  /** Ends the key; false where there is none with this id, or it has ended before. */
  revoke(id: string, at: Date): Promise<boolean>;
}

/** Should a connection be dead without anybody knowing, a key that was revoked opens no longer than this. */
const ttlMs = 1_000;

/** What a key takes beyond what any row does. */
const keyCharacters = 0;

/** Its methods throw DatabaseUnavailableError when the database does not do what it is asked. */
export function createKeyStore({ client: { apiKey: keys }, epoch, notifications }: Database): KeyStore {
  const cache = new RowCache<ApiKey>(epoch, ttlMs, () => keyCharacters);
  notifications?.receiveKeysChanged(() => cache.forgetAll());

  /** Here, and by all other instances, keys are looked up again. */
  async function announce(): Promise<void> {
    cache.forgetAll();
    await notifications?.sendKeysChanged();
  }

  return whenAvailable<KeyStore>({
    async create(data) {
      await keys.create({ data });
      await announce();
    },
    findByHash: (hash) => cache.load(hash, () => keys.findUnique({ where: { hash } })),
    list: () => keys.findMany({ orderBy: { createdAt: 'asc' } }),
    exists: async () => (await keys.findFirst({ select: { id: true } })) !== null,
    async use(key, lastUsedAt) {
      // In the row that is known, if it still is: so that the next request does not note it again.
      key.lastUsedAt = lastUsedAt;
      await keys.updateMany({ where: { id: key.id }, data: { lastUsedAt } });
    },
    async revoke(id, revokedAt) {
      const { count } = await keys.updateMany({ where: { id, revokedAt: null }, data: { revokedAt } });
      await announce();
      return count === 1;
    },
  });
}
