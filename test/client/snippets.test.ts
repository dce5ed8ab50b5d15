import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { install } from '../../scripts/install.ts';
import { modelNames } from '../../src/catalogue/models.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { png } from '../support/images.ts';
import { startService } from '../support/process.ts';

const suite = 'test/client';
const execute = promisify(execFile);

beforeAll(() => install(suite), 300_000);

/** The programs in docs/clients.md, by the name behind the language of their block. */
const snippets = new Map(
  [...readFileSync('docs/clients.md', 'utf8').matchAll(/^```(?:ts|sh) (\S+)\n(.*?)^```$/gms)].map(
    ([, name = '', program = '']) => [name, program],
  ),
);

/** Runs a program of the page against a service on its sandbox, as a client with a key; what it prints, line by line. */
async function prepare() {
  const databaseUrl = await freshDatabase();
  const { key } = await createKeyFor(databaseUrl);
  const { url } = await startService({ DATABASE_URL: databaseUrl }, '--development');
  // Below the suite's package, so that its packages are found.
  const directory = mkdtempSync(join(suite, 'snippets-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { PATH = '' } = process.env;
  const env = {
    PATH: `${resolve(suite, 'node_modules/.bin')}:${PATH}`,
    VIDEO_API_URL: url,
    VIDEO_API_KEY: key,
    VIDEO_SCHEMA: resolve('schema.graphql'),
  };
  return {
    directory,
    env,
    async run(name: string, program = snippets.get(name)): Promise<string[]> {
      if (program === undefined) throw new Error(`docs/clients.md has no program ${name}.`);
      writeFileSync(join(directory, name), program);
      const command = name.endsWith('.sh') ? '/bin/sh' : process.execPath;
      const { stdout } = await execute(command, [name], { cwd: directory, env, timeout: 50_000 });
      return stdout.trim().split('\n');
    },
  };
}

test('the page has these programs and no others', () => {
  expect([...snippets.keys()].toSorted()).toEqual(
    ['apollo.ts', 'curl.sh', 'genql.sh', 'retrying.ts', 'saving.ts', 'uploading.ts', 'urql.ts'].toSorted(),
  );
});

test('curl.sh orders once, however often it is run', async () => {
  const { run } = await prepare();
  const [first = '', again = ''] = [(await run('curl.sh')).join(''), (await run('curl.sh')).join('')];
  const { replayed, task } = JSON.parse(first).data.submitVideo;
  expect({ replayed, status: task.status }).toEqual({ replayed: false, status: 'QUEUED' });
  expect(JSON.parse(again).data.submitVideo).toMatchObject({ replayed: true, task: { id: task.id } });
});

test('apollo.ts orders, watches over server-sent events, pages, and is told why it is refused', async () => {
  const { run } = await prepare();
  expect(await run('apollo.ts')).toEqual([
    'watched QUEUED',
    'watched PROCESSING',
    'watched COMPLETED',
    'listed 3',
    'cached COMPLETED, with its link',
    'refused NOT_FOUND',
  ]);
});

test('urql.ts orders, watches and pages', async () => {
  const { run } = await prepare();
  expect(await run('urql.ts')).toEqual(['watched QUEUED', 'watched PROCESSING', 'watched COMPLETED', 'listed 3']);
});

test('retrying.ts orders once', async () => {
  const { run } = await prepare();
  expect(await run('retrying.ts')).toEqual(['true false true']);
});

test('saving.ts saves the video', async () => {
  const { run, directory } = await prepare();
  expect(await run('saving.ts')).toEqual(['saved true']);
  expect(readFileSync(join(directory, 'video.mp4')).toString('latin1', 4, 8)).toBe('ftyp');
});

test('uploading.ts orders from a picture on disk', async () => {
  const { run, directory } = await prepare();
  writeFileSync(join(directory, 'picture.png'), png('a boat'));
  expect(await run('uploading.ts')).toEqual(['ordered QUEUED']);
});

test('genql.sh makes a client that asks and orders', async () => {
  const { run, directory, env } = await prepare();
  await run('genql.sh');
  // Its files import folders, as bundlers allow and Node.js does not: Vitest has a bundler's rules.
  const { createClient } = await import(/* @vite-ignore */ resolve(directory, 'generated/index.ts'));
  const headers = { authorization: `Bearer ${env.VIDEO_API_KEY}` };
  const client = createClient({ url: env.VIDEO_API_URL, headers });
  const { videoModels } = await client.query({ videoModels: { name: true } });
  expect(videoModels).toHaveLength(modelNames.length);
  const input = { grokVideo3: { prompt: 'A paper boat' } };
  const ordered = await client.mutation({ submitVideo: { __args: { input }, task: { status: true } } });
  expect(ordered).toEqual({ submitVideo: { task: { status: 'QUEUED' } } });
});

/** Programs with automatic persisted queries, which send a hash at first. */
const withHashes: Readonly<Record<string, string>> = {
  'apollo-persisted.ts': `
    import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
    import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
    import { createHash } from 'node:crypto';
    const sha256 = (text) => createHash('sha256').update(text).digest('hex');
    for (const useGETForHashedQueries of [false, true]) {
      const http = new HttpLink({ uri: process.env.VIDEO_API_URL, headers: { authorization: 'Bearer ' + process.env.VIDEO_API_KEY } });
      const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(http);
      const client = new ApolloClient({ link, cache: new InMemoryCache() });
      const { data } = await client.query({ query: gql\`{ videoModels { name } }\` });
      console.log(data.videoModels.length);
    }`,
  'urql-persisted.ts': `
    import { Client, fetchExchange, gql } from '@urql/core';
    import { persistedExchange } from '@urql/exchange-persisted';
    for (const preferGetForPersistedQueries of [false, 'force']) {
      const client = new Client({
        url: process.env.VIDEO_API_URL,
        fetchOptions: { headers: { authorization: 'Bearer ' + process.env.VIDEO_API_KEY } },
        exchanges: [persistedExchange({ preferGetForPersistedQueries }), fetchExchange],
      });
      const { data, error } = await client.query(gql\`{ videoModels { name } }\`, {});
      console.log(error ?? data.videoModels.length);
    }
    process.exit();`,
};

test.each(Object.entries(withHashes))(
  '%s gets its answers although the service knows no hash',
  async (name, program) => {
    const { run } = await prepare();
    expect(await run(name, program)).toEqual(['4', '4']);
  },
);
