import { execFile } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createKey } from '../../src/access/api-keys.ts';
import type { Scope } from '../../src/access/caller.ts';
import type { KeyStore } from '../../src/access/key-store.ts';
import { adapterFor, openDatabase, type Provider } from '../../src/database/database.ts';
import { migrate, migrationsDirectory } from '../../src/database/migrations/migrate.ts';
import { createKeyStore } from '../../src/database/prisma-key-store.ts';
import type { SpendingLimits } from '../../src/spending/limits.ts';
import { type Speaker, speakTo, type TestApp } from './app.ts';
import { emptyDatabase, freshDirectory } from './database.ts';
import { silentLog } from './log.ts';
import { compileCache } from './process.ts';
import { createTrackedApp, ordersOf, type TrackedApp } from './tracked-app.ts';

export interface Grant {
  readonly client?: string;
  readonly scopes?: readonly Scope[];
  readonly limits?: Partial<SpendingLimits>;
}

/** A created key: its id, and the whole key. */
export interface TestKey {
  readonly id: string;
  readonly key: string;
}

/** Changes the keys of a database over a connection of its own, as `npm run keys` does. */
async function onKeys<Result>(databaseUrl: string, work: (store: KeyStore) => Promise<Result>): Promise<Result> {
  const database = await openDatabase(databaseUrl, silentLog);
  try {
    return await work(createKeyStore(database));
  } finally {
    await database.close();
  }
}

/** Creates a key for each name. By default a key may read and order, for the client `app`. */
export const createKeysFor = <Name extends string>(
  databaseUrl: string,
  grants: Readonly<Record<Name, Grant>>,
): Promise<Record<Name, TestKey>> =>
  onKeys(databaseUrl, async (store) => {
    const made: Record<string, TestKey> = {};
    for (const [name, grant] of Object.entries<Grant>(grants)) {
      const { client = 'app', scopes = ['read', 'submit'], limits = {} } = grant;
      made[name] = await createKey(store, { client, scopes, limits }, new Date());
    }
    return made;
  });

/** Creates a key. By default it may read and order, for the client `app`. */
export const createKeyFor = async (databaseUrl: string, grant: Grant = {}): Promise<TestKey> =>
  (await createKeysFor(databaseUrl, { key: grant })).key;

export const revokeKey = (databaseUrl: string, { id }: TestKey): Promise<boolean> =>
  onKeys(databaseUrl, (store) => store.revoke(id, new Date()));

/** Sends requests to a test app with this Authorization header; null for none. */
export const withAuthorization = ({ app }: Pick<TestApp, 'app'>, authorization: string | null): Speaker =>
  speakTo(app, authorization === null ? {} : { authorization });

/** Sends requests to a test app with a key. */
export const as = (app: Pick<TestApp, 'app'>, { key }: Pick<TestKey, 'key'>): Speaker =>
  withAuthorization(app, `Bearer ${key}`);

/** The tracked app, used with a key. */
export type TrackedSpeaker = TrackedApp & Speaker;

function trackedAs(app: TrackedApp, key: TestKey): TrackedSpeaker {
  const speaker = as(app, key);
  return { ...app, ...speaker, ...ordersOf(speaker, app.untilNextCheck) };
}

/** A service with two clients, Ann and Bob, and an operator who sees all tasks. */
export async function createTenants(provider?: Provider) {
  const app = await createTrackedApp(provider);
  const keys = await createKeysFor(app.databaseUrl, {
    ann: { client: 'ann' },
    bob: { client: 'bob' },
    operator: { client: 'operator', scopes: ['admin'] },
  });
  return {
    app,
    ann: trackedAs(app, keys.ann),
    bob: trackedAs(app, keys.bob),
    operator: trackedAs(app, keys.operator),
  };
}

/** A database as left by the version before there were clients: with one task, under this id, made from an image. */
export async function databaseWithoutClients(provider: Provider, taskId: string): Promise<string> {
  const databaseUrl = await emptyDatabase(provider);
  const directory = join(freshDirectory(), provider);
  cpSync(migrationsDirectory(provider), directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (/^\d+_/.test(name) && !name.endsWith('_init')) rmSync(join(directory, name), { recursive: true });
  }
  await migrate(adapterFor(databaseUrl), directory);
  const adapter = await adapterFor(databaseUrl).connect();
  await adapter.executeScript(`
    INSERT INTO "Task" ("id", "model", "prompt", "durationSeconds", "aspectRatio", "resolution", "referenceImages",
      "billingUnit", "billingUnits", "status", "createdAt", "history", "idempotencyKey", "orderHash")
    VALUES ('${taskId}', 'GROK_VIDEO3', 'An old boat', 10, '16:9', '720p', '[{"kind":"URL","url":"https://images.example.com/1.png"}]',
      'SECOND', 10, 'FAILED', '2026-11-22T12:00:00.000+00:00', '[]', 'old-key', 'a hash')`);
  await adapter.dispose();
  return databaseUrl;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command `npm run keys -- …`. */
export const runKeys = (databaseUrl: string, ...args: string[]): Promise<Finished> =>
  runCommand('src/keys.ts', databaseUrl, ...args);

/** Runs one of the service's commands on a database, as its npm script does. */
export function runCommand(file: string, databaseUrl: string, ...args: string[]): Promise<Finished> {
  const { PATH = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE: compileCache, DATABASE_URL: databaseUrl };
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? Number.NaN) : 0, stdout, stderr });
    });
  });
}

/** Creates a key by the command; throws the message where it does not. */
export async function createKeyByCommand(databaseUrl: string, ...args: string[]): Promise<TestKey> {
  const { stdout, stderr } = await runKeys(databaseUrl, 'create', ...args);
  const [key, id] = /^(gvk_[0-9a-f]{12})_\S+/.exec(stdout) ?? [];
  if (!key || !id) throw new Error(`no key was made: ${stderr}${stdout}`);
  return { id, key };
}
