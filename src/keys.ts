/**
 * Makes, lists and ends API keys: `npm run keys -- create --name app`. It works on the service's database, whether the
 * service runs or not; a running one goes by it at once.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { isScope, scopes } from './access/caller.ts';
import { createKey, type KeyGrant } from './access/keys.ts';
import { openDatabase } from './database/client.ts';
import { createKeyStore, type KeyStore } from './database/key-store.ts';
import { readDatabaseUrl } from './environment.ts';
import type { SpendingLimits } from './videos/spending.ts';

const usage = `Usage: npm run keys -- <command>

  create --name <client> [--scope read,submit] [--quota submits=60,seconds=3600,calls=360]
      makes a key and shows it once. A client may have several keys; they share its tasks.
      scopes: ${Object.keys(scopes).join(', ')}; quota: submits a minute, seconds and calls a day; what it does not name is as for everybody
  list
      shows every key without its secret
  revoke <id>
      ends a key

  --development   on the sandbox's database, as npm run dev uses it`;

/** The command was not understood: the message says what of it. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const options = {
  name: { type: 'string' },
  scope: { type: 'string', default: 'read,submit' },
  quota: { type: 'string', default: '' },
  development: { type: 'boolean', default: false },
} as const;

const quotas: Record<string, keyof SpendingLimits> = {
  submits: 'submitsPerMinute',
  seconds: 'secondsPerDay',
  calls: 'callsPerDay',
};

function limitsIn(quota: string): Partial<SpendingLimits> {
  const entries = quota.split(',').filter((part) => part !== '');
  return Object.fromEntries(
    entries.map((part) => {
      const [, unit = '', value] = /^(\w+)=(\d{1,9})$/.exec(part.trim()) ?? [];
      const limit = quotas[unit];
      if (!limit) throw new UsageError(`--quota ${part} is not one of submits=, seconds=, calls= with a whole number.`);
      return [limit, Number(value)];
    }),
  );
}

function grantIn({ name = '', scope, quota }: { name?: string; scope: string; quota: string }): KeyGrant {
  if (!/^[A-Za-z0-9][\w.@-]{0,63}$/.test(name)) {
    throw new UsageError('--name must be 1 to 64 letters, digits and . _ @ - and begin with a letter or digit.');
  }
  const names = scope.split(',').map((part) => part.trim());
  const granted = names.filter(isScope);
  if (granted.length < names.length) throw new UsageError(`--scope must be some of ${Object.keys(scopes).join(', ')}.`);
  return { client: name, scopes: granted, limits: limitsIn(quota) };
}

async function list(store: KeyStore): Promise<void> {
  const keys = await store.list();
  const day = (date: Date | null): string => date?.toISOString().slice(0, 16).replace('T', ' ') ?? '';
  const rows = keys.map((key) => ({
    id: key.id,
    client: key.client,
    scopes: key.scopes,
    'submits/min': key.submitsPerMinute ?? 'default',
    'seconds/day': key.secondsPerDay ?? 'default',
    'calls/day': key.callsPerDay ?? 'default',
    created: day(key.createdAt),
    'last used': day(key.lastUsedAt),
    revoked: day(key.revokedAt),
  }));
  if (rows.length === 0) console.log('There are no keys.');
  else console.table(rows);
}

async function run(store: KeyStore, [command, id = ''] = [] as string[], grant: () => KeyGrant): Promise<void> {
  switch (command) {
    case 'create': {
      const granted = grant();
      const { id, key } = await createKey(store, granted, new Date());
      console.log(`${key}\n\nThis is the key ${id} of ${granted.client}. It is not shown again.`);
      return;
    }
    case 'list':
      return list(store);
    case 'revoke':
      if (!(await store.revoke(id, new Date()))) throw new UsageError(`There is no valid key with the id ${id}.`);
      return console.log(`${id} opens nothing any more.`);
    default:
      throw new UsageError(usage);
  }
}

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const database = await openDatabase(readDatabaseUrl(undefined, values), pino({ level: 'silent' }));
  try {
    await run(createKeyStore(database.client), positionals, () => grantIn(values));
  } finally {
    await database.close();
  }
} catch (error) {
  // Whatever went wrong is the operator's to mend, and the message says what it is.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
