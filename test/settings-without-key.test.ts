import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../src/environment.ts';

const key = 'sk-test-4f9d1c';
const production = (variables: Record<string, string> = {}) => readEnvironment({ GROK_API_KEY: key, ...variables });
const development = (variables: Record<string, string> = {}) => readEnvironment(variables, { development: true });

describe('without a key', () => {
  test.each([
    ['unset', {}],
    ['empty', { GROK_API_KEY: '' }],
    ['blank', { GROK_API_KEY: ' \t' }],
  ])('development uses the sandbox, at a pace one can watch (%s)', (_, variables) => {
    const { sandbox, schedule, tracker, databaseUrl } = development(variables);
    expect(sandbox).toEqual({ port: 4010, submitsPerMinute: null, credit: null });
    // The sandbox would answer that real tasks do not exist, and they would fail.
    expect(databaseUrl).not.toBe(production({}).databaseUrl);
    expect(schedule).toEqual({ firstCheckMs: 1_000, intervalMs: 1_000 });
    expect(tracker.pollMs).toBeLessThanOrEqual(schedule.intervalMs);
  });

  test('development keeps to the settings that are given', () => {
    const { sandbox, schedule } = development({
      SANDBOX_PORT: '5010',
      SANDBOX_CREDIT: '3',
      TRACKER_INTERVAL_MS: '5000',
    });
    expect(sandbox).toEqual({ port: 5010, submitsPerMinute: null, credit: 3 });
    expect(schedule).toEqual({ firstCheckMs: 1_000, intervalMs: 5_000 });
  });
});

test('with a key, development differs from production only in how it logs and in what it shows of the schema', () => {
  const { log, server, ...settings } = development({ GROK_API_KEY: key });
  const { log: productionLog, server: productionServer, ...productionSettings } = production();
  expect(settings).toEqual(productionSettings);
  expect(server).toEqual({ ...productionServer, graphiql: true, introspection: true });
  expect(log).toEqual({ ...productionLog, pretty: true });
});

test('blanks and line ends around the key, as left by copying, are not part of it', () => {
  expect(production({ GROK_API_KEY: ` ${key}\n` }).upstream.apiKey).toBe(key);
});

test.each([
  'https://app.example.com',
  'http://localhost:5173',
  'http://[::1]:3000',
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://-',
  'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb',
])('%s may be listed as an origin', (origin) => {
  expect(production({ CORS_ORIGINS: `https://www.example.com,${origin}` }).server.corsOrigins).toContain(origin);
});

test.each([
  '*',
  'null',
  'app.example.com',
  'https://app.example.com/',
  'https://app.example.com:443',
  'https://App.example.com',
  'https://user@app.example.com',
  'https://app.example.com?x',
  'https://app.example.com#x',
  'https://',
  'capacitor://',
  'capacitor:localhost',
  'capacitor://localhost/',
  'file:///srv/app',
  'data:text/html,x',
])('%s is no origin as browsers send it, and is refused', (origin) => {
  expect(() => production({ CORS_ORIGINS: origin })).toThrow(/^CORS_ORIGINS must be origins/);
});
