import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { DatabaseOpenError, openDatabase } from '../../src/database/database.ts';
import { EnvironmentError, readEnvironment } from '../../src/environment.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { spawnService } from '../support/process.ts';
import { apiKey } from '../support/upstream.ts';

/** A start over this database: its exit code and all that it writes. */
async function start(databaseUrl: string) {
  const service = spawnService({ GROK_API_KEY: apiKey, DATABASE_URL: databaseUrl });
  const [stderr, stdout, [code]] = await Promise.all([
    text(service.stderr!),
    text(service.stdout!),
    once(service, 'exit'),
  ]);
  return { code, stderr, all: stderr + stdout };
}

/** Every piece of four characters. */
const piecesOf = (secret: string): string[] =>
  Array.from({ length: Math.max(secret.length - 3, 0) }, (_, index) => secret.slice(index, index + 4));

function expectNothingOf(secret: string, said: string): void {
  for (const piece of [...piecesOf(secret), ...piecesOf(encodeURIComponent(secret))]) {
    expect(said.toLowerCase()).not.toContain(piece.toLowerCase());
  }
}

const hidden = 'Xk9qVw7z';

/** Passwords with special characters. An unescaped one can look like a host, a port or a path. */
const passwords = [
  `${hidden}/Jt4mLs2p`,
  `5417/${hidden}`,
  `5417?${hidden}`,
  `5417#${hidden}`,
  `/${hidden}`,
  `?${hidden}`,
  `#${hidden}`,
  `${hidden}@Jt4mLs2p`,
  `${hidden}@Jt4mLs2p/Qn8d`,
  `@${hidden}`,
  `${hidden}%Jt4m`,
  `${hidden}%ff%fe`,
  `${hidden} Jt4m`,
  `${hidden}:5417`,
  `${hidden}\\Jt4m`,
  `${hidden}[Jt4m]`,
  `${hidden}&Jt4m=Qn8d`,
  `Пароль${hidden}`,
];

const at = '127.0.0.1:1/videos';
const forms: [string, (password: string) => string][] = [
  ['in its place', (password) => `postgres://app:${password}@${at}`],
  ['in its place, escaped', (password) => `postgres://app:${encodeURIComponent(password)}@${at}`],
  ['as a parameter', (password) => `postgres://${at}?user=app&password=${password}`],
  ['as a parameter, escaped', (password) => `postgresql://${at}?user=app&password=${encodeURIComponent(password)}`],
  ['before several hosts', (password) => `postgres://app:${password}@127.0.0.1:1,127.0.0.2:1/videos`],
  ['before a socket', (password) => `postgres://app:${password}@%2Fnowhere/videos`],
  ['where the name should be', (password) => `postgres://${password}@${at}`],
];

/** Why the service does not start over this database. */
async function complaintAbout(databaseUrl: string): Promise<string> {
  try {
    const environment = readEnvironment({ GROK_API_KEY: apiKey, DATABASE_URL: databaseUrl });
    await openDatabase(environment.databaseUrl, silentLog);
  } catch (error) {
    expect([EnvironmentError, DatabaseOpenError]).toContain((error as Error).constructor);
    return (error as Error).message;
  }
  return expect.fail('nothing is there to be opened');
}

describe.each(forms)('a password %s', (_, urlWith) => {
  test.each(passwords)('is in no message about a failed start, not even in part: %s', async (password) => {
    expectNothingOf(password, await complaintAbout(urlWith(password)));
  });
});

test.each([
  `postgres://app:5417/${hidden}@${at}`,
  `postgres://app:${encodeURIComponent(hidden)}%2F@${at}`,
  `postgres://app:${hidden}%ff@${at}`,
])('a start over %s ends with one line, and nothing of the password', async (databaseUrl) => {
  const { code, stderr, all } = await start(databaseUrl);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Cannot start: .+\n$/);
  expectNothingOf(hidden, all);
});

test('a password that the server refuses does not show', async () => {
  const url = new URL(await freshDatabase('postgresql'));
  url.password = encodeURIComponent(`${hidden}/@:?`);
  const { code, stderr, all } = await start(url.href);
  expect(code).toBe(1);
  expect(stderr).toContain(`The database ${url.host}${url.pathname} cannot be opened`);
  expectNothingOf(`${hidden}/@:?`, all);
});

test('the URL in a message of a driver is redacted', () => {
  const url = `postgres://app:${hidden}%2FJt4m@db.internal/videos?sslpassword=Qn8dRf3g`;
  const quoting = new Error(`no route to ${url} for "${hidden}/Jt4m", ${hidden}%2FJt4m, Qn8dRf3g\nat a line`);
  const { message } = new DatabaseOpenError(url, quoting);
  expectNothingOf(hidden, message);
  expectNothingOf('Qn8dRf3g', message);
  expect(message).toContain('db.internal/videos');
});
