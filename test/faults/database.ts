import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Provider } from '../../src/database/database.ts';
import type { HistoryEntry } from '../../src/tasks/task.ts';
import { createPostgresDatabase } from '../support/postgres.ts';

/** A row as another process than the service sees it. */
export interface TaskRow {
  readonly id: string;
  readonly prompt: string;
  readonly status: string;
  readonly upstreamId: string | null;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly videoUrl: string | null;
  readonly idempotencyKey: string | null;
  readonly turn: number | null;
  readonly sendAttempt: number;
  readonly refusalCount: number;
  /** These are in milliseconds. */
  readonly createdAt: number;
  readonly startBefore: number | null;
  readonly nextCheckAt: number | null;
  readonly leasedUntil: number | null;
  readonly history: readonly HistoryEntry[];
}

/** A fresh database of one run, looked at from outside the service. */
export interface RunDatabase {
  readonly url: string;
  rows(): Promise<TaskRow[]>;
  /**
   * Makes everything due that waits for a time, as if no process had run for long. Only for when all processes are
   * dead, because leases and pauses protect running ones.
   */
  letTimePass(): Promise<void>;
  /** Pauses submitting, or ends the pause, as an operator's command does. */
  setPaused(isPaused: boolean): Promise<void>;
  drop(): Promise<void>;
}

/** All statements put a time in place that is past and has the right form. */
const makeDue = [
  'UPDATE "UpstreamAccount" SET "blockedUntil" = (SELECT min("createdAt") FROM "Task") WHERE "blockedUntil" IS NOT NULL',
  'UPDATE "UpstreamAccount" SET "sendingUntil" = (SELECT min("createdAt") FROM "Task") WHERE "sendingUntil" IS NOT NULL',
  'UPDATE "Task" SET "nextCheckAt" = "createdAt" WHERE "nextCheckAt" IS NOT NULL',
  'UPDATE "Task" SET "leasedUntil" = "createdAt" WHERE "leasedUntil" IS NOT NULL',
];

/** The row may not be there yet. */
const pauseStatement = (isPaused: boolean): string => `
  INSERT INTO "UpstreamAccount" ("name", "version", "pausedAt", "refusals", "lastTurn", "recentSends")
  VALUES ('default', 1, ${isPaused ? `'${new Date().toISOString().replace('Z', '+00:00')}'` : 'NULL'}, 0, 0, '[]')
  ON CONFLICT ("name") DO UPDATE SET "pausedAt" = excluded."pausedAt", "version" = "UpstreamAccount"."version" + 1
`;

export async function createRunDatabase(provider: Provider, postgresUrl: string | null): Promise<RunDatabase> {
  if (provider === 'sqlite') return sqliteDatabase();
  if (postgresUrl === null) throw new Error('no PostgreSQL server was started');
  return postgresDatabase(postgresUrl);
}

function sqliteDatabase(): RunDatabase {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-faults-'));
  const path = join(directory, 'videos.db');
  const withFile = <Result>(use: (file: DatabaseSync) => Result): Result => {
    const file = new DatabaseSync(path, { timeout: 5_000 });
    try {
      return use(file);
    } finally {
      file.close();
    }
  };
  return {
    url: `file:${path}`,
    rows: async () => withFile((file) => file.prepare('SELECT * FROM "Task" ORDER BY "id"').all().map(toTaskRow)),
    letTimePass: async () => withFile((file) => makeDue.forEach((statement) => void file.exec(statement))),
    setPaused: async (isPaused) => withFile((file) => file.exec(pauseStatement(isPaused))),
    drop: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function postgresDatabase(serverUrl: string): Promise<RunDatabase> {
  const url = await createPostgresDatabase(serverUrl);
  // The database stores UTC in columns without a time zone.
  const pool = new pg.Pool({ connectionString: url, max: 1, options: '-c timezone=UTC' });
  pool.on('error', () => {});
  const query = async (statement: string) => (await pool.query(statement)).rows;
  return {
    url,
    rows: async () => (await query(selectFromPostgres)).map(({ row }) => toTaskRow(row)),
    async letTimePass() {
      for (const statement of makeDue) await query(statement);
    },
    setPaused: async (isPaused) => void (await query(pauseStatement(isPaused))),
    async drop() {
      await pool.end();
      const server = new pg.Client({ connectionString: serverUrl });
      await server.connect();
      await server.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
      await server.end();
    },
  };
}

const selectFromPostgres = 'SELECT to_jsonb(task) AS row FROM "Task" AS task ORDER BY "id"';

function toTaskRow(row: Record<string, unknown>): TaskRow {
  const time = (value: unknown): number | null => (typeof value === 'string' ? Date.parse(withZone(value)) : null);
  const history = typeof row['history'] === 'string' ? JSON.parse(row['history']) : row['history'];
  return {
    ...(row as unknown as TaskRow),
    createdAt: time(row['createdAt']) ?? 0,
    startBefore: time(row['startBefore']),
    nextCheckAt: time(row['nextCheckAt']),
    leasedUntil: time(row['leasedUntil']),
    history,
  };
}

const withZone = (time: string): string => (/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`);
