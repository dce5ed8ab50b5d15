import { type Account, type AccountStore, newAccount } from '../orders/account.ts';
import { isUniqueViolation, whenAvailable } from './classify-error.ts';
import type { Database } from './database.ts';
import type { UpstreamAccount } from './generated/sqlite/client.ts';

/** Stores accounts with the Prisma client, and tells the other instances on PostgreSQL of each write. */
export function createAccountStore({
  client,
  notifications,
}: Pick<Database, 'client' | 'notifications'>): AccountStore {
  const { upstreamAccount: accounts } = client;
  return whenAvailable<AccountStore>({
    async find(name) {
      const row = await accounts.findUnique({ where: { name } });
      return row ? fromRow(row) : newAccount(name);
    },

    async update({ name, version, ...account }, { recentSends, ...change }) {
      const data = { ...change, ...(recentSends && { recentSends: [...recentSends] }) };
      const saved = await (version === 0
        ? accounts
            .create({ data: { ...account, recentSends: [...account.recentSends], ...data, name, version: 1 } })
            .catch(nullIfTaken)
        : accounts
            .updateManyAndReturn({ where: { name, version }, data: { ...data, version: version + 1 } })
            .then(([row]) => row));
      if (!saved) return null;
      // Not awaited, and its failure is ignored, because the others look at the account again within a second anyway.
      notifications?.announce('account').catch(() => {});
      return fromRow(saved);
    },
  });
}

function nullIfTaken(error: unknown): null {
  if (isUniqueViolation(error)) return null;
  throw error;
}

/** Rows are written only from an Account, so their values are of its types. */
const fromRow = (row: UpstreamAccount): Account => row as unknown as Account;
