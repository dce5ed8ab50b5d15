import { z } from 'zod';
import { isLoopback } from './access/authenticator.ts';
import { type Scope, scopes } from './access/caller.ts';
import { jwtAlgorithms } from './access/jwt.ts';
import { isUnambiguous } from './database/database-url.ts';
import { fetchable, isFetchablePort } from './fetchable.ts';
import { readPrivateHost } from './outbound/private-hosts.ts';
import { count, isOrigin, limit, list, milliseconds, onOrOff, port, someOf } from './setting-types.ts';
import { storageSettings } from './storage-settings.ts';
import { maxWaitHours } from './tasks/wait-reasons.ts';

/** Every setting with its default and its meaning. docs/reference.md is written from it. */
export const settings = z.object({
  HOST: z.string().default('127.0.0.1').describe('The address to listen on.'),
  PORT: port(4000).describe('The port to listen on; 0 for one that is free.'),
  DATABASE_URL: z
    .string()
    .regex(/^(file:.+|postgres(ql)?:\/\/.+)$/, 'must start with file:, postgres:// or postgresql://')
    .refine(
      isUnambiguous,
      'must be a valid URL; escape special characters, of the password too: / as %2F, ? as %3F, # as %23, @ as %40',
    )
    .default('file:./data/videos.db')
    .describe(
      'A SQLite file (`file:…`), or `postgres://…`. Special characters in it, those of the password too, are escaped: `/` as `%2F`, `@` as `%40`. The sandbox has a file of its own, `file:./data/sandbox.db`.',
    ),
  ...storageSettings,
  GROK_API_KEY: z
    .string('must be set to the key of the REST API; `npm run dev` works without one')
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters, as it is sent in an HTTP header')
    .describe("The REST API's key. `npm start` requires it; without it `npm run dev` uses the sandbox."),
  GROK_API_BASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.onFetchablePort)
    .refine(...fetchable.endingInPath)
    .default('https://zcbservice.aizfw.cn/kyyReactApiServer')
    .describe('Where the REST API is: an http(s) URL without a query, on a port that `fetch` connects to.'),
  GROK_SUBMIT_TIMEOUT_MS: milliseconds(30_000).describe(
    'How long a submit may take. Afterwards its answer counts as lost.',
  ),
  GROK_CHECK_TIMEOUT_MS: milliseconds(15_000).describe(
    'How long a check may take, the last byte of its answer included.',
  ),
  UPSTREAM_ACCOUNT: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, hyphens and underscores')
    .default('default')
    .describe(
      "A name for the account that `GROK_API_KEY` belongs to. It is recorded with each order, and whether orders wait is one account's state.",
    ),
  UPSTREAM_SUBMITS_PER_MINUTE: limit(null)
    .refine((orders) => orders === null || (orders > 0 && orders <= 1_000), 'must be 1 to 1000, or none')
    .describe(
      'How many orders all instances together send to the upstream in any 60 seconds, 1,000 at most; further ones wait. `none` for no limit.',
    ),
  UPSTREAM_MAX_OPEN: limit(null)
    .refine((tasks) => tasks !== 0, 'must be at least 1, or none')
    .describe('How many tasks may be open at the upstream at once; further orders wait. `none` for no limit.'),
  MAX_WAIT_HOURS: z.coerce
    .number()
    .positive()
    .max(maxWaitHours)
    .default(24)
    .describe(
      'How many hours an order waits at most that does not say itself how long (`startBefore`), 72 at most. Then it ends unsent, as WAIT_EXPIRED.',
    ),
  MAX_WAITING: limit(1_000).describe(
    'How many orders of one client may wait; further ones are refused with LIMIT_EXCEEDED. `none` for no limit.',
  ),
  TRACKER_FIRST_CHECK_MS: milliseconds(30_000).describe('From the submit to the first check; 1000 with the sandbox.'),
  TRACKER_INTERVAL_MS: milliseconds(30_000).describe(
    'Between checks, plus up to half of it at random; 4 times that after 10 minutes, 20 times after an hour. 1000 with the sandbox.',
  ),
  TRACKER_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(100)
    .describe(
      'Checks under way at once on one instance. With answers in 0.1 s, 100 of them follow 30,000 open tasks; 50,000 take 200.',
    ),
  IDEMPOTENCY_KEY_DAYS: z.coerce
    .number()
    .min(1)
    .max(3650)
    .default(30)
    .describe('How many days an idempotency key stands for its order.'),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an https URL' })
    .refine((url) => url.startsWith('https:') || isLoopback(URL.parse(url)?.hostname ?? ''), 'must be an https URL')
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.onFetchablePort)
    .optional()
    .describe("The https URL of the public keys of a token's issuer. Not together with `JWT_JWKS_FILE`."),
  JWT_JWKS_FILE: z.string().optional().describe("A file with the public keys of a token's issuer."),
  JWT_ISSUER: z.string().optional().describe('The issuer that a token must name; required where tokens are taken.'),
  JWT_AUDIENCE: z.string().optional().describe('The audience that a token must name; required where tokens are taken.'),
  JWT_ALGORITHMS: someOf(jwtAlgorithms)
    .default(['RS256', 'ES256'])
    .describe('How a token may be signed: RS, PS or ES with 256, 384 or 512, with commas between them.'),
  JWT_CLIENT_CLAIM: z
    .string()
    .default('sub')
    .describe('The claim that names the client, by 1 to 255 printable characters.'),
  JWT_SCOPE_CLAIM: z.string().default('scope').describe('The claim that lists the scopes.'),
  JWT_DEFAULT_SCOPES: someOf(Object.keys(scopes) as Scope[])
    .default([])
    .describe('The scopes of a token without that claim, such as `read,submit`.'),
  SUBMITS_PER_MINUTE: limit(60).describe(
    'Orders of a client in a minute, unless its key says otherwise; `none` for no limit.',
  ),
  SECONDS_PER_DAY: limit(3_600).describe(
    'Seconds of video that a client may order on a day (UTC) from models billed by the second, unless its key says otherwise; `none` for no limit.',
  ),
  CALLS_PER_DAY: limit(360).describe(
    'Videos that a client may order on a day (UTC) from models billed by the call, unless its key says otherwise; `none` for no limit.',
  ),
  MAX_BODY_BYTES: count(20 * 1024 * 1024).describe("How large a request's body may be."),
  MAX_VALUES: count(10_000).describe("How many values a request's body may hold."),
  MAX_DOCUMENT_CHARACTERS: count(100_000).describe('How long a document may be; images belong into variables.'),
  MAX_TOKENS: count(2_000).describe(
    'How many tokens a document may have, its fragments put in their places, and how many lines.',
  ),
  MAX_DEPTH: count(12).describe('How many levels deep a document may be.'),
  MAX_ALIASES: count(50).describe('How many aliases a document may have, its fragments put in their places.'),
  MAX_DIRECTIVES: count(50).describe('How many directives a document may have, its fragments put in their places.'),
  MAX_COMPLEXITY: count(20_000).describe(
    "How much a document may ask for: each field 1, a page times its size, each further combination of a filter's values 20, an entity 4.",
  ),
  MAX_SUBSCRIPTIONS: count(500).describe('Open subscriptions of one client on one instance.'),
  MAX_CONNECTIONS: count(10_000).describe(
    'Connections that an instance has open at once; more are closed as they come.',
  ),
  HEADERS_TIMEOUT_MS: milliseconds(10_000).describe("How long a client may take to send a request's headers."),
  REQUEST_TIMEOUT_MS: milliseconds(60_000).describe('How long a client may take to send the whole of a request.'),
  STALLED_TIMEOUT_MS: milliseconds(240_000).describe(
    'How long a connection may stand still. Longer than a batch of orders may take.',
  ),
  PERSISTED_OPERATIONS_FILE: z
    .string()
    .optional()
    .describe(
      "A JSON file of the only documents that are answered: ids with their documents, or Apollo's manifest of persisted queries.",
    ),
  INTROSPECTION: onOrOff.describe(
    '`on` or `off`: whether the schema may be asked for, and near misses are answered with what may have been meant. `npm run dev` has it on.',
  ),
  FAST_PATH: onOrOff.describe(
    '`on` or `off`: whether queries that were answered before are answered without Yoga. On where it is not set.',
  ),
  GRAPHIQL: onOrOff.describe('`on` or `off`: whether browsers get GraphiQL. `npm run dev` has it on.'),
  CORS_ORIGINS: list
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins: a scheme and a host, with a port where it is not the usual one, such as https://app.example.com or capacitor://localhost',
    )
    .default([])
    .describe(
      'The origins whose pages may call, with commas between them, such as `https://app.example.com,capacitor://localhost`. With the sandbox all pages of this machine may.',
    ),
  OUTBOUND_PRIVATE_HOSTS: list
    .refine(
      (entries) => entries.every((entry) => readPrivateHost(entry) !== null),
      'must be hosts with their ports, such as videos.internal:8080, 10.0.0.7:443 or [fd00::7]:443',
    )
    .default([])
    .describe(
      'Hosts with their ports, with commas between them, such as `videos.internal:8080,10.0.0.7:443`, that the service may call for a URL of a stranger although they are not public. An IP address (IPv6 in brackets) also stands for names that lead to it; a name stands for every address that it leads to.',
    ),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
  // The upstream's client has to reach it; 0 means any port that is free.
  SANDBOX_PORT: port(4010)
    .refine((chosen) => chosen === 0 || isFetchablePort(chosen), fetchable.onFetchablePort[1])
    .describe('Where the sandbox listens, on loopback; 0 for a port that is free.'),
  SANDBOX_SUBMITS_PER_MINUTE: limit(null).describe(
    'How many orders the sandbox takes in a minute; further ones get HTTP 429, so that they wait. `none` for no limit.',
  ),
  SANDBOX_CREDIT: limit(null).describe(
    'How many orders the sandbox takes before its account is out of credit (HTTP 402), until it is started again. `none` for no limit.',
  ),
});

export type Settings = z.infer<typeof settings>;
