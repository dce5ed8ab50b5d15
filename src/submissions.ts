/**
 * Pauses the sending of orders on all instances, and lets it go on: `npm run submissions -- pause`. Orders that come
 * meanwhile wait. It works on the service's database, whether the service is running or not.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openDatabase } from './database/database.ts';
import { createAccountStore } from './database/prisma-account-store.ts';
import { createTaskStore } from './database/prisma-task-store.ts';
import { databaseNote, readAccount } from './environment.ts';
import type { Account, AccountStore } from './orders/account.ts';
import { pause, resume } from './orders/pausing.ts';
import { runCommand } from './run-command.ts';
import type { TaskStore } from './tasks/task-store.ts';

const usage = `Usage: npm run submissions -- <command>

  pause    no order is sent any more, by any instance; ends once none is under way. Orders that come meanwhile wait
  resume   orders are sent again, those that wait first
  status   whether orders are sent, and how many wait

  --development   on the sandbox's database, as npm run dev uses it`;

interface Place {
  readonly accounts: AccountStore;
  readonly store: TaskStore;
  /** The name of the account. */
  readonly name: string;
}

type Command = (place: Place) => Promise<void>;

/** Where counting the orders that wait stops. */
const maxCounted = 100_000;

const since = (date: Date | null): string => date?.toISOString() ?? 'now';

function stateOf({ name, pausedAt, blockedBy, blockedUntil }: Account): string {
  if (pausedAt !== null) return `Submitting to the account ${name} is paused since ${since(pausedAt)}.`;
  if (blockedBy === null) return `Orders are sent to the account ${name}.`;
  return `Orders wait for the account ${name}, because of ${blockedBy}; it is asked again from ${since(blockedUntil)} on.`;
}

async function printStatus({ accounts, store, name }: Place): Promise<void> {
  console.log(stateOf(await accounts.find(name)));
  const counts = await store.count({ statuses: ['WAITING', 'SUBMITTING'] }, maxCounted);
  for (const { status, count } of counts) console.log(`${status}: ${count}`);
}

const commands: Readonly<Record<string, Command>> = {
  async pause(place) {
    await pause(place.accounts, place.store, place.name);
    await printStatus(place);
  },
  async resume(place) {
    await resume(place.accounts, place.name);
    await printStatus(place);
  },
  status: printStatus,
};

async function main(): Promise<void> {
  const options = { development: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(usage);
  const command = positionals.length === 1 ? commands[positionals[0] ?? ''] : undefined;
  if (!command) throw new Error(usage);
  const { databaseUrl, account: name } = readAccount(undefined, values);
  const database = await openDatabase(databaseUrl, pino({ level: 'silent' }));
  try {
    await command({ accounts: createAccountStore(database), store: createTaskStore(database.client), name });
  } finally {
    await database.close();
  }
  const note = databaseNote(undefined, values);
  if (note !== null) console.error(note);
}

await runCommand(main);
