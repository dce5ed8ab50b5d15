import { pino } from 'pino';
import { adapterFor, openDatabase, providerOf } from '../src/database/database.ts';
import { client, completedTask } from './database.ts';

/** A client that has ordered nothing for a long time: a fifth of all tasks, none of them in the newer half. */
export const retired = 'retired';

/** Values that only so many tasks have, for any number of tasks, all of them the oldest. */
const rare: readonly object[] = [
  { client: retired },
  { status: 'CANCELLED' },
  { status: 'FAILED', model: 'GROK_VIDEO3_STABLE' },
  { status: 'QUEUED', nextCheckAt: new Date('2999-12-31T00:00:00Z') },
  { status: 'PROCESSING', nextCheckAt: new Date('2999-12-31T00:00:00Z') },
].flatMap((one) => Array.from({ length: 40 }, () => one));

/** The values of all other tasks, which are everywhere. */
const frequent = (index: number): object => ({
  ...(index % 10 === 0 && { client: 'another' }),
  ...(index % 20 === 3 && { status: 'FAILED' }),
  ...(index % 25 === 7 && { status: 'UNCONFIRMED' }),
  model: ['GROK_VIDEO3', 'GROK_VIDEO3_PRO', 'GROK_VIDEO3_MAX'][index % 3],
});

/** The tasks that are written one by one. Of all but the rare ones there are copies, so many at a time. */
export const originals = 1_000;
const copied = originals - rare.length;

/** A block of tasks has its first 32 bits in common with no other one: what they begin with is the time in 2^16 ms. */
const blockMs = 2 ** 16;

/** Fills an empty database with about so many tasks, the oldest first; returns when the middle one was created. */
export async function createTasks(url: string, tasks: number): Promise<Date> {
  const blocks = Math.max(Math.round((tasks - originals) / copied), 0);
  const firstBlock = Math.floor(Date.now() / blockMs) - blocks - 1;
  const data = Array.from({ length: originals }, (_, index) => ({
    ...completedTask(new Date(firstBlock * blockMs + index * 60)),
    ...(rare[index] ?? frequent(index)),
  }));
  const database = await openDatabase(url, pino({ level: 'silent' }));
  await database.client.task.createMany({ data });
  await database.close();

  const [example = {}] = data;
  const connection = await adapterFor(url).connect();
  const sqlite = providerOf(url) === 'sqlite';
  await connection.executeScript(
    copySql(sqlite, { columns: Object.keys(example), from: data[rare.length]?.id ?? '', firstBlock, blocks }),
  );
  // PostgreSQL does this by itself after a while.
  await connection.executeScript(sqlite ? 'PRAGMA wal_checkpoint(TRUNCATE)' : 'VACUUM ANALYZE "Task"');
  await connection.dispose();
  return new Date((firstBlock + (blocks + 1) / 2) * blockMs);
}

interface Copies {
  readonly columns: readonly string[];
  /** The first of the originals that are copied. */
  readonly from: string;
  readonly firstBlock: number;
  readonly blocks: number;
}

/** A copy has another beginning of its id, and what follows from that; its other times are left as they are. */
function copySql(sqlite: boolean, { columns, from, firstBlock, blocks }: Copies): string {
  const hex = sqlite ? `printf('%08x', ${firstBlock} + "block")` : `lpad(to_hex(${firstBlock} + "block"), 8, '0')`;
  const id = `${hex} || substr("id", 9)`;
  const different: Readonly<Record<string, string>> = {
    id,
    upstreamId: `'video_' || ${id}`,
    client: `CASE WHEN "block" < ${blocks / 2} AND ("client" <> '${client}' OR "model" = 'GROK_VIDEO3_PRO')
      THEN '${retired}' ELSE "client" END`,
  };
  const values = columns.map((column) => different[column] ?? `"${column}"`);
  return `
    INSERT INTO "Task" (${columns.map((column) => `"${column}"`).join()})
    WITH RECURSIVE "Block" ("block") AS (SELECT 1 UNION ALL SELECT "block" + 1 FROM "Block" WHERE "block" < ${blocks})
    SELECT ${values.join()} FROM "Block" CROSS JOIN (SELECT * FROM "Task" WHERE "id" >= '${from}') AS "Original"
    WHERE ${blocks} > 0 ORDER BY "block"`;
}
