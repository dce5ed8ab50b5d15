import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import type { Database, Statement } from 'better-sqlite3';

/** What the patches of this room take hold of, by where it is. The types of Prisma's driver promise only the first two. */
const connectionMembers = ['queryRaw', 'executeRaw'] as const;
const clientMembers = ['prepare', 'exec'] as const;
const statementMembers = ['bind', 'run', 'columns', 'raw'] as const;

/**
 * The better-sqlite3 client in a connection of Prisma's driver, which the statement cache and the group commit patch.
 *
 * @throws Error that names each member that is missing: another version of the driver, which the patches do not fit.
 */
export function driverClientOf(connection: SqlDriverAdapter): Database {
  const { client } = connection as Partial<{ client: Database }>;
  const statement = client?.prepare?.('SELECT 1');
  const missing = [
    ...withoutMethods('connection', connection, connectionMembers),
    ...withoutMethods('connection.client', client, clientMembers),
    ...(typeof client?.inTransaction === 'boolean' ? [] : ['connection.client.inTransaction']),
    ...withoutMethods('statement', statement, statementMembers),
    ...(typeof statement?.readonly === 'boolean' ? [] : ['statement.readonly']),
  ];
  if (client && missing.length === 0) return client;
  throw new Error(`This version of the SQLite driver has no ${missing.join(', ')}, which its patches need.`);
}

function withoutMethods(
  name: string,
  owner: SqlDriverAdapter | Database | Statement | undefined,
  methods: readonly string[],
): string[] {
  const members = owner as Readonly<Record<string, unknown>> | undefined;
  return methods.filter((method) => typeof members?.[method] !== 'function').map((method) => `${name}.${method}`);
}
