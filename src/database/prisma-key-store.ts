import type { KeyStore } from '../access/key-store.ts';
import { RowCache } from './cache/row-cache.ts';
import { whenAvailable } from './classify-error.ts';
import type { Database } from './database.ts';
import type { ApiKey as ApiKeyRow } from './generated/sqlite/client.ts';

/** For so long at most a revoked key is still taken, should the connection that tells of it be dead. */
const ttlMs = 1_000;

/** What a key takes beyond what any row does. */
const keyCharacters = 0;

/** Its methods throw DatabaseUnavailableError when the database does not do what it is asked. */
export function createKeyStore({ client: { apiKey: keys }, epoch, notifications }: Database): KeyStore {
  const cache = new RowCache<ApiKeyRow>(epoch, ttlMs, () => keyCharacters);
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
      // In the row that is known, if it still is, so that the next request does not note it again.
      const known = cache.peek(key.hash);
      if (known) known.lastUsedAt = lastUsedAt;
      await keys.updateMany({ where: { id: key.id }, data: { lastUsedAt } });
    },
    async revoke(id, revokedAt) {
      const { count } = await keys.updateMany({ where: { id, revokedAt: null }, data: { revokedAt } });
      await announce();
      return count === 1;
    },
  });
}
