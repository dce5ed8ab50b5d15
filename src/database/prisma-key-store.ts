import type { KeyStore } from '../access/key-store.ts';
import { RowCache } from './cache/row-cache.ts';
import { whenAvailable } from './classify-error.ts';
import type { Database } from './database.ts';
import type { ApiKey as ApiKeyRow } from './generated/sqlite/client.ts';

/** How long a revoked key may still be accepted when the connection that announces changes is dead. */
const ttlMs = 1_000;

/** A key has no long texts. */
const keyCharacters = 0;

/**
 * Creates the key store. Its methods throw DatabaseUnavailableError when the database does not carry out a statement.
 */
export function createKeyStore({ client: { apiKey: keys }, epoch, notifications }: Database): KeyStore {
  const cache = new RowCache<ApiKeyRow>(epoch, ttlMs, () => keyCharacters);
  notifications?.onAnnounced('keys', () => cache.forgetAll());

  /** Makes this and all other instances read keys from the database again. */
  async function announce(): Promise<void> {
    cache.forgetAll();
    await notifications?.announce('keys');
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
      // The cached row is changed too, so that the next request does not write again.
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
