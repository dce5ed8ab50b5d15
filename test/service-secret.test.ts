import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEnvironment } from '../src/environment.ts';
import { deriveKey, secretBeside, secretIn } from '../src/service-secret.ts';
import { freshDirectory } from './support/database.ts';

const key = { GROK_API_KEY: 'sk-test-4f9d1c' };

test('the secret beside a SQLite file is made once, for its owner only, and leaves no draft', () => {
  const directory = freshDirectory();
  const secrets = [1, 2, 3].map(() => secretBeside(`file:${directory}/videos.db`).toString('hex'));
  expect(new Set(secrets).size).toBe(1);
  expect(secrets[0]).toHaveLength(64);
  expect(readdirSync(directory)).toEqual(['service-secret']);
  expect(statSync(join(directory, 'service-secret')).mode & 0o777).toBe(0o600);
});

test('a file that holds no secret is not replaced, and the message says which it is and nothing that is in it', () => {
  const directory = freshDirectory();
  writeFileSync(join(directory, 'service-secret'), 'hunter2');
  expect(() => secretBeside(`file:${directory}/videos.db`)).toThrow(`${directory}/service-secret`);
  expect(() => secretBeside(`file:${directory}/videos.db`)).not.toThrow('hunter2');
  expect(readFileSync(join(directory, 'service-secret'), 'utf8')).toBe('hunter2');
  expect(() => secretBeside(`file:${directory}/missing/videos.db`)).toThrow(/ENOENT.*SERVICE_SECRET/);
  expect(existsSync(join(directory, 'missing'))).toBe(false);
});

test('a secret is 32 bytes in base64 or hexadecimal, and nothing else', () => {
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
  expect(secretIn(bytes.toString('base64'))?.equals(bytes)).toBe(true);
  expect(secretIn(bytes.toString('hex').toUpperCase())?.equals(bytes)).toBe(true);
  for (const other of ['', 'short', bytes.toString('base64').slice(4), `${bytes.toString('hex')}00`])
    expect(secretIn(other)).toBeNull();
});

test('keys for different purposes, and of different secrets, differ', () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const keys = [deriveKey(one, 'a'), deriveKey(one, 'b'), deriveKey(other, 'a')].map((made) => made.toString('hex'));
  expect(new Set(keys).size).toBe(3);
  expect(deriveKey(one, 'a').toString('hex')).toBe(keys[0]);
});

test.each([
  ['another HOST without PUBLIC_BASE_URL', { HOST: '0.0.0.0' }, /PUBLIC_BASE_URL must be set with HOST 0\.0\.0\.0/],
  ['PostgreSQL without SERVICE_SECRET', { DATABASE_URL: 'postgres://a@b/c', STORAGE_URL: 'file:/x' }, /SERVICE_SECRET/],
  ['a secret that is too short', { SERVICE_SECRET: 'hunter2' }, /SERVICE_SECRET must be 32 bytes/],
  ['three secrets', { SERVICE_SECRET: Array(3).fill('00'.repeat(32)).join() }, /SERVICE_SECRET must be 32 bytes/],
  ['an address with a query', { PUBLIC_BASE_URL: 'https://a.example.com/?b' }, /PUBLIC_BASE_URL must not contain/],
  ['no days at all', { VIDEO_RETENTION_DAYS: '0' }, /VIDEO_RETENTION_DAYS must be at least 1/],
  ['links for a year', { FILE_LINK_HOURS: '8760' }, /FILE_LINK_HOURS/],
])('%s keeps the service from starting, and the secret out of the message', (_, settings, message) => {
  expect(() => readEnvironment({ ...key, ...settings })).toThrow(message);
  expect(() => readEnvironment({ ...key, ...settings })).not.toThrow('hunter2');
});

test.each([{ HOST: '0.0.0.0' }, { DATABASE_URL: 'postgres://a@b/c' }])(
  'neither is needed where no files are kept: %o',
  (settings) => {
    expect(readEnvironment({ ...key, ...settings, STORAGE_URL: 'none' })).toMatchObject({ storage: null });
  },
);
