import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { freshDatabase } from './support/database.ts';
import { spawnService } from './support/process.ts';
import { apiKey } from './support/upstream.ts';

/** A port of this machine that another program has. */
async function takenPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return String((server.address() as { port: number }).port);
}

test.each<[string, () => Promise<Record<string, string>>, string[], RegExp]>([
  ['an option that is unknown', async () => ({}), ['--instances', '4'], /--instances/],
  ['a port that is taken', async () => ({ PORT: await takenPort() }), [], /EADDRINUSE/],
  [
    'a database server that is not there',
    async () => ({ DATABASE_URL: 'postgres://127.0.0.1:1/videos' }),
    [],
    /127\.0\.0\.1:1\/videos/,
  ],
])('%s keeps the service from starting, and one line says so', async (_, settings, args, complaint) => {
  const given = { GROK_API_KEY: apiKey, DATABASE_URL: await freshDatabase(), ...(await settings()) };
  const service = spawnService(given, ...args);
  const [said, [code]] = await Promise.all([text(service.stderr!), once(service, 'exit')]);
  expect(code).toBe(1);
  expect(said.trim().split('\n')).toEqual([expect.stringMatching(complaint)]);
});
