import { describe, expect, test } from 'vitest';
import { type Environment, EnvironmentError, readEnvironment } from '../src/environment.ts';

const key = 'sk-test-4f9d1c';
const production = (variables: Record<string, string> = {}) => readEnvironment({ GROK_API_KEY: key, ...variables });

/** What a start over wrong settings says. */
function complaintAbout(read: () => Environment): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(EnvironmentError);
    return (error as EnvironmentError).message;
  }
  return expect.fail('the settings should have been refused');
}

describe('wrong settings', () => {
  test('are named all at once, in one line', () => {
    const wrong = {
      PORT: '65536',
      DATABASE_URL: 'mysql://localhost/videos',
      STORAGE_URL: 'ftp://example.com',
      STORAGE_MIN_FREE_BYTES: '1 GB',
      S3_ENDPOINT: 'ftp://example.com',
      S3_REGION: 'eu central',
      S3_ADDRESSING: 'host',
      GROK_API_BASE_URL: 'ftp://example.com',
      GROK_SUBMIT_TIMEOUT_MS: '0',
      GROK_CHECK_TIMEOUT_MS: '1.5',
      TRACKER_FIRST_CHECK_MS: 'soon',
      TRACKER_INTERVAL_MS: '-1',
      TRACKER_CONCURRENCY: '0',
      IDEMPOTENCY_KEY_DAYS: '0',
      JWT_JWKS_URL: 'file:///keys',
      JWT_ALGORITHMS: 'HS256',
      JWT_DEFAULT_SCOPES: 'write',
      SUBMITS_PER_MINUTE: '-1',
      SECONDS_PER_DAY: 'many',
      CALLS_PER_DAY: '1.5',
      MAX_BODY_BYTES: '0',
      MAX_TOKENS: '0',
      MAX_DEPTH: '0',
      MAX_ALIASES: '0',
      MAX_DIRECTIVES: '0',
      MAX_COMPLEXITY: '0',
      MAX_SUBSCRIPTIONS: '0',
      MAX_CONNECTIONS: '0',
      HEADERS_TIMEOUT_MS: '0',
      REQUEST_TIMEOUT_MS: '0',
      STALLED_TIMEOUT_MS: '0',
      INTROSPECTION: 'yes',
      GRAPHIQL: 'yes',
      FAST_PATH: 'yes',
      CORS_ORIGINS: 'https://app.example.com/path',
      OUTBOUND_PRIVATE_HOSTS: '10.0.0.7',
      LOG_LEVEL: 'loud',
      SANDBOX_PORT: 'x',
    };
    const complaint = complaintAbout(() => readEnvironment(wrong));
    for (const name of [...Object.keys(wrong), 'GROK_API_KEY']) expect.soft(complaint).toContain(`${name} `);
    expect(complaint).not.toContain('\n');
    // What is right is not complained about.
    expect(complaint).not.toMatch(/\bHOST\b/);
  });

  test('do not give away what they were set to', () => {
    const complaint = complaintAbout(() =>
      production({ DATABASE_URL: 'postgre://videos:hunter2@db/videos', GROK_API_BASE_URL: 'hunter2', PORT: 'hunter2' }),
    );
    expect(complaint).not.toContain('hunter2');
  });
});

describe('without a key', () => {
  test.each([
    ['unset', {}],
    ['empty', { GROK_API_KEY: '' }],
    ['blank', { GROK_API_KEY: ' \t' }],
  ])('production does not start and names the variable (%s)', (_, variables) => {
    expect(complaintAbout(() => readEnvironment(variables))).toContain('GROK_API_KEY');
  });
});

test.each([
  [
    'keys without an issuer and an audience',
    { JWT_JWKS_URL: 'https://a.example/keys' },
    ['JWT_ISSUER', 'JWT_AUDIENCE'],
  ],
  ['keys without an audience', { JWT_JWKS_FILE: 'keys.json', JWT_ISSUER: 'a' }, ['JWT_AUDIENCE']],
  ['an issuer without keys', { JWT_ISSUER: 'a' }, ['JWT_ISSUER', 'JWT_JWKS_URL']],
  [
    'two places for the keys',
    { JWT_JWKS_URL: 'https://a.example/keys', JWT_JWKS_FILE: 'keys.json' },
    ['JWT_JWKS_FILE'],
  ],
])('incomplete settings for tokens are refused: %s', (_, settings, names) => {
  const complaint = complaintAbout(() => production(settings));
  for (const name of names) expect(complaint).toContain(name);
});

test.each(['sk-ключ', 'sk-1\nsk-2'])('a key that no HTTP header can carry is refused at the start: %j', (wrong) => {
  const complaint = complaintAbout(() => production({ GROK_API_KEY: wrong }));
  expect(complaint).toContain('GROK_API_KEY');
  expect(complaint).not.toContain(wrong);
});

test.each([
  'file:./data/videos.db',
  'file:/var/lib/videos.db',
  'postgres://videos:secret@db.internal:5432/videos?sslmode=require',
  'postgresql://videos@localhost/videos',
])('%s is a DATABASE_URL', (url) => {
  expect(production({ DATABASE_URL: url }).databaseUrl).toBe(url);
});

test.each([
  'videos.db',
  './data/videos.db',
  'file:',
  'postgres://',
  'postgresql:videos',
  'postgres://user:pass word@[db/videos',
  'mysql://localhost/videos',
  'http://postgres://localhost',
  'sqlite:videos.db',
])('%s is no DATABASE_URL', (url) => {
  expect(complaintAbout(() => production({ DATABASE_URL: url }))).toContain('DATABASE_URL');
});

test.each([
  ['GROK_API_BASE_URL', 'http://api.example.com:6000', 'port'],
  ['GROK_API_BASE_URL', 'https://api.example.com:25/v2/', 'port'],
  ['GROK_API_BASE_URL', 'https://[::1]:0006665', 'port'],
  ['GROK_API_BASE_URL', 'http://api.example.com:0', 'port'],
  ['GROK_API_BASE_URL', 'https://api.example.com/?tenant=1', 'query'],
  ['GROK_API_BASE_URL', 'https://api.example.com/api?', 'query'],
  ['GROK_API_BASE_URL', 'https://api.example.com/api#v2', 'fragment'],
  ['GROK_API_BASE_URL', 'https://user@api.example.com', 'user name'],
  ['GROK_API_BASE_URL', 'https://:password@api.example.com', 'password'],
  ['JWT_JWKS_URL', 'https://login.example.com:6697/keys', 'port'],
  ['JWT_JWKS_URL', 'http://127.0.0.1:1/keys', 'port'],
  ['JWT_JWKS_URL', 'https://:password@login.example.com/keys', 'password'],
  ['OUTBOUND_PRIVATE_HOSTS', 'videos.internal', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', 'videos.internal:0', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', 'videos.internal:65536', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', 'http://videos.internal:8080', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', 'videos.internal:8080/', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', 'fd00::7:443', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', '10.0.0.0/8:80', 'ports'],
  ['OUTBOUND_PRIVATE_HOSTS', '10.0.0.1:80,*:443', 'ports'],
  ['SANDBOX_PORT', '5060', 'port'],
])('%s=%s, which fetch could not use, is refused at the start because of its %s', (name, url, reason) => {
  const jwt = { JWT_ISSUER: 'a', JWT_AUDIENCE: 'a' };
  const complaint = complaintAbout(() => production({ [name]: url, ...(name === 'JWT_JWKS_URL' && jwt) }));
  expect(complaint).toMatch(new RegExp(`^${name} .*${reason}`));
  expect(complaint).not.toContain('\n');
});

test.each([
  'https://api.example.com/api/',
  'https://api.example.com:443',
  'http://api.example.com:80/',
  'https://bücher.example/api',
  'http://[::1]:8080',
])('%s is a GROK_API_BASE_URL', (url) => {
  expect(production({ GROK_API_BASE_URL: url }).upstream.baseUrl).toBe(url);
});
