import { writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthenticator } from '../../src/access/authenticator.ts';
import { OpenSubscriptions } from '../../src/access/subscriptions.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createKeyStore } from '../../src/database/prisma-key-store.ts';
import { readEnvironment } from '../../src/environment.ts';
import { pluginsOfOurs, pluginsOfYoga } from '../../src/server/fast-path/honoured-plugins.ts';
import { createGraphqlServer } from '../../src/server/yoga.ts';
import { freshDatabase, freshDirectory } from '../support/database.ts';
import { createTestDomain, mediaWith, readerWith, uploadsWith } from '../support/domain.ts';
import { apiKey, startUpstream } from '../support/upstream.ts';

/** A plugin: its name, where it is one of this service's, and its hooks. */
type Installed = readonly [name: string | null, hooks: ReadonlySet<string>];

const hooksOf = (plugin: object): Set<string> => new Set(Object.keys(plugin));

/** The plugins that a server with these settings has installed, in their order. */
async function installedWith(settings: Record<string, string>): Promise<Installed[]> {
  const { parts, orders } = await createTestDomain(await startUpstream());
  const environment = readEnvironment({ GROK_API_KEY: apiKey, ...settings });
  const { log, now, ledger, upstream } = parts;
  const database = await openDatabase(await freshDatabase(), log);
  onTestFinished(() => database.close());
  const { plugins } = await createGraphqlServer(
    {
      readerFor: (viewer) => readerWith(parts, viewer),
      orders,
      ledger,
      media: mediaWith(parts),
      uploads: uploadsWith(parts),
      subscriptions: new OpenSubscriptions(1),
      upstreamKey: upstream,
      now,
      log,
    },
    {
      ...environment.server,
      documents: environment.documents,
      authenticator: await createAuthenticator(createKeyStore(database), environment.access, log, now),
      sandbox: false,
      stopping: new AbortController().signal,
      checks: {},
    },
  );
  const names = new Map<object, string>();
  for (const [name, plugin] of Object.entries(plugins.own)) if (plugin) names.set(plugin, name);
  const installed = plugins.all.map((plugin) => [names.get(plugin) ?? null, hooksOf(plugin)] as const);
  // An option that is off leaves an empty place.
  return installed.filter(([, hooks]) => hooks.size > 0);
}

const rowsOfOurs = Object.entries(pluginsOfOurs).map(([name, row]): Installed => [name, hooksOf(row)]);
const rowsOfYoga = Object.values(pluginsOfYoga).map((row): Installed => [null, hooksOf(row)]);

const isOurs = ([name]: Installed): boolean => name !== null;

/** Settings with which everything is installed that can be. */
function everything(): Record<string, string> {
  const file = `${freshDirectory()}/operations.json`;
  writeFileSync(file, '{}');
  return {
    PERSISTED_OPERATIONS_FILE: file,
    CORS_ORIGINS: 'https://app.example.com',
    GRAPHIQL: 'on',
    INTROSPECTION: 'on',
  };
}

test('the table of the fast path has a row for each plugin that is installed, with each of its hooks, and no other row', async () => {
  const installed = await installedWith(everything());
  const own = installed.filter(isOurs);
  // One plugin is installed only where another is not.
  const byDefault = (await installedWith({})).filter(isOurs).filter(([name]) => !own.some(([other]) => other === name));
  expect(Object.fromEntries([...own, ...byDefault])).toEqual(Object.fromEntries(rowsOfOurs));
  expect(installed.filter((plugin) => !isOurs(plugin))).toEqual(rowsOfYoga);
});

test('by default nothing is installed that has no row', async () => {
  const installed = await installedWith({});
  const rows = [...rowsOfOurs, ...rowsOfYoga];
  expect(installed.length).toBeGreaterThan(20);
  for (const plugin of installed) expect(rows).toContainEqual(plugin);
});
