/**
 * Creates, lists and revokes API keys: `npm run keys -- create --name app`. It writes to the service's database,
 * whether the service is running or not. A running service uses the change at once.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { createKey, idOf, type KeyGrant } from './access/api-keys.ts';
import { isScope, scopes } from './access/caller.ts';
import { clientNameRule, isClientName, tokenPrefix } from './access/client-name.ts';
import type { KeyStore } from './access/key-store.ts';
import { openDatabase } from './database/database.ts';
import { createKeyStore } from './database/prisma-key-store.ts';
import { databaseNote, readDatabaseUrl } from './environment.ts';
import { runCommand } from './run-command.ts';
import type { SpendingLimits } from './spending/limits.ts';

const usage = `Usage: npm run keys -- <command>

  create --name <client> [--scope read,submit] [--quota submits=60,seconds=3600,calls=360] [--max-open 10]
      makes a key and shows it once. A client may have several keys; they share its tasks.
      scopes: ${Object.keys(scopes).join(', ')}; quota: submits a minute, seconds and calls a day; what it does not name has the service's default
      max-open: how many tasks of the client may be open at the upstream; further orders wait
  list
      shows every key without its secret
  revoke <id>
      ends a key

  --development   on the sandbox's database, as npm run dev uses it`;

/** The command line is not valid; the message says which part of it. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const options = {
  name: { type: 'string' },
  scope: { type: 'string', default: 'read,submit' },
  quota: { type: 'string', default: '' },
  'max-open': { type: 'string' },
  development: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
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

function maxOpenIn(text: string | undefined): Partial<SpendingLimits> {
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError('--max-open must be a whole number, at least 1.');
  return { maxOpen: Number(text) };
}

interface Grant {
  readonly name?: string;
  readonly scope: string;
  readonly quota: string;
  readonly 'max-open'?: string;
}

function grantIn({ name = '', scope, quota, 'max-open': maxOpen }: Grant): KeyGrant {
  if (!isClientName(name) || name.toLowerCase().startsWith(tokenPrefix)) {
    throw new UsageError(`--name must be ${clientNameRule}, and not begin with ${tokenPrefix}`);
  }
  const names = scope.split(',').map((part) => part.trim());
  const granted = names.filter(isScope);
  if (granted.length < names.length) throw new UsageError(`--scope must be some of ${Object.keys(scopes).join(', ')}.`);
  return { client: name, scopes: [...new Set(granted)], limits: { ...limitsIn(quota), ...maxOpenIn(maxOpen) } };
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
    'max open': key.maxOpen ?? 'none',
    created: day(key.createdAt),
    'last used': day(key.lastUsedAt),
    revoked: day(key.revokedAt),
  }));
  if (rows.length === 0) console.log('There are no keys.');
  else console.table(rows);
}

const create = (grant: KeyGrant) => async (store: KeyStore) => {
  const { id, key } = await createKey(store, grant, new Date());
  console.log(`${key}\n\nThis is the key ${id} of ${grant.client}. It is not shown again.`);
};

const revoke = (given: string) => async (store: KeyStore) => {
  // A whole key is accepted too, and only its id is printed, because a key should not stand on a screen.
  const id = idOf(given);
  if (!(await store.revoke(id, new Date()))) throw new UsageError(`There is no valid key with the id ${id}.`);
  console.log(`${id} opens nothing any more.`);
};

/** Parses the arguments into the work to be done, before the database is opened. */
function commandIn(
  [command = '', ...ids]: readonly string[],
  grant: () => KeyGrant,
): (store: KeyStore) => Promise<void> {
  const [id, ...more] = ids;
  if (more.length > 0 || (id !== undefined && command !== 'revoke'))
    throw new UsageError(`Too many arguments.\n${usage}`);
  switch (command) {
    case 'create':
      return create(grant());
    case 'list':
      return list;
    case 'revoke':
      if (id === undefined) throw new UsageError(`Which key? npm run keys -- list shows their ids.`);
      return revoke(id);
    default:
      throw new UsageError(usage);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help || positionals[0] === 'help') return console.log(usage);
  const command = commandIn(positionals, () => grantIn(values));
  const database = await openDatabase(readDatabaseUrl(undefined, values), pino({ level: 'silent' }));
  await command(createKeyStore(database)).finally(database.close);
  const note = databaseNote(undefined, values);
  if (note !== null) console.error(note);
}

await runCommand(main);
