import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaClient } from '../src/database/generated/sqlite/client.ts';

/**
 * Opens a SQLite file with Prisma as its documentation does, with the service's generated client, and with the
 * service's write-ahead log and synchronous=FULL, so that no contender is faster because its writes are less durable.
 */
export async function openPrisma(file: string): Promise<PrismaClient> {
  const prisma = new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: `file:${file}`, timeout: 2_000 }) });
  await prisma.$queryRaw`PRAGMA journal_mode = WAL`;
  await prisma.$executeRaw`PRAGMA synchronous = FULL`;
  return prisma;
}
