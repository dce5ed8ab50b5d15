import { serverAudits } from 'graphql-http';
import { expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';

/** An audit that queries `__type`, which fails without introspection. */
const askTheSchema = ['2EA1', '28B9', '6A70', 'D6D5'];

const profiles = {
  development: { INTROSPECTION: 'on', GRAPHIQL: 'on' },
  production: { INTROSPECTION: 'off', GRAPHIQL: 'off' },
};

/** The audits of GraphQL over HTTP that are not met, with the reason, and how many there were. */
async function audit(url: string, headers: Record<string, string> = {}) {
  const fetchFn = (input: string, init: RequestInit = {}) =>
    fetch(input, { ...init, headers: { ...(init.headers as Record<string, string>), ...headers } });
  const unmet: Record<string, string> = {};
  const audits = serverAudits({ url, fetchFn });
  for (const { id, name, fn } of audits) {
    const result = await fn();
    if (result.status !== 'ok') unmet[id] = `${result.status}: ${name}: ${result.reason}`;
  }
  return { count: audits.length, unmet };
}

async function withKey(profile: keyof typeof profiles) {
  const databaseUrl = await freshDatabase();
  const { key } = await createKeyFor(databaseUrl);
  const { url } = await createTestApp({ started: true, databaseUrl, settings: profiles[profile] });
  return { url, headers: { authorization: `Bearer ${key}` } };
}

test('in development, without a key, all 61 audits of GraphQL over HTTP are met', async () => {
  const { url } = await createTestApp({ started: true, settings: profiles.development });
  expect(await audit(url)).toEqual({ count: 61, unmet: {} });
});

test('in development, with a key, all 61 audits of GraphQL over HTTP are met', async () => {
  const { url, headers } = await withKey('development');
  expect(await audit(url, headers)).toEqual({ count: 61, unmet: {} });
});

test('in production only those audits are not met that ask for the schema', async () => {
  const { url, headers } = await withKey('production');
  const { count, unmet } = await audit(url, headers);
  expect(count).toBe(61);
  expect(unmet).toEqual(Object.fromEntries(askTheSchema.map((id) => [id, expect.any(String)])));
});

test('without the key the audits are not met, so the tests above tell something', async () => {
  const { url } = await withKey('development');
  expect(Object.keys((await audit(url)).unmet)).not.toEqual([]);
});
