import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freshDirectory } from './support/database.ts';

const execute = promisify(execFile);
const script = join(import.meta.dirname, '../scripts/check-schema.ts');
const { PATH = '' } = process.env;
const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgSign=false'];

const schema = `
schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@key"]) { query: Query }
directive @oneOf on INPUT_OBJECT
type Query { boat(by: BoatBy!): Boat fleet: [Boat!]! }
type Boat @key(fields: "id") { id: ID! sails: Int! }
input BoatBy @oneOf { id: ID name: String }
`;

/** A git repository with nothing but a schema.graphql. */
async function createRepository(directory = freshDirectory()) {
  const env = { PATH, GIT_CONFIG_GLOBAL: '/dev/null' };
  const git = (...args: string[]) => execute('git', [...author, ...args], { cwd: directory, env });
  const write = (sdl: string) => writeFile(join(directory, 'schema.graphql'), sdl);
  return {
    directory,
    git,
    write,
    async commit(sdl: string, message = 'Change the schema') {
      await write(sdl);
      await git('add', '--all');
      await git('commit', '--quiet', '--message', message);
    },
    /** What the check says of the working tree, and its exit code. */
    async check(): Promise<{ code: number; said: string }> {
      const run = execute(process.execPath, [script], { cwd: directory, env });
      const { stdout, code } = await run.then(
        (output) => ({ ...output, code: 0 }),
        (error: { stdout: string; code: number }) => error,
      );
      return { code, said: stdout };
    },
  };
}

async function createReleased() {
  const repository = await createRepository();
  await repository.git('init', '--quiet');
  await repository.commit(schema);
  await repository.git('tag', 'v1.0.0');
  return repository;
}

const withoutSails = schema.replace('sails: Int! ', '');

test('what breaks since the release is named, and fails, committed or not', async () => {
  const { check, commit, write } = await createReleased();
  expect(await check()).toEqual({ code: 0, said: 'schema.graphql, compared with that of v1.0.0: no change\n' });

  await write(withoutSails);
  const uncommitted = await check();
  expect(uncommitted).toMatchObject({
    code: 1,
    said: expect.stringContaining("\nBreaking\n  Boat.sails: Field 'sails' was removed from object type 'Boat'\n"),
  });

  await commit(withoutSails);
  await commit(withoutSails.replace('id: ID name', '"""Its name."""\nid: ID name'));
  expect(await check()).toEqual(uncommitted);

  // With a description beside it, the library's own summary would leave the break out.
  await commit(schema.replace('sails: Int!', '"""How many."""\nsails: Int'));
  expect(await check()).toMatchObject({
    code: 1,
    said: expect.stringContaining("\nBreaking\n  Boat.sails: Field 'Bo"),
  });
});

test('what is safe and what is dangerous is named, and passes', async () => {
  const { check, commit } = await createReleased();
  await commit(
    schema.replace('sails: Int!', 'sails(wet: Boolean = true): Int! masts: Int').replace('name:', 'flag: ID name:'),
  );
  const { code, said } = await check();
  expect(code).toBe(0);
  expect(said).toContain('\nDangerous\n');
  expect(said).toContain("  Boat.masts: Field 'masts' was added to object type 'Boat'\n");
  expect(said).not.toContain('Breaking');
});

test('to a gateway it breaks when the key of an entity changes', async () => {
  const { check, commit } = await createReleased();
  await commit(schema.replace(' @key(fields: "id")', ''));
  expect(await check()).toMatchObject({ code: 1, said: expect.stringContaining('Breaking\n  Boat.@key: ') });
  await commit(schema.replace('fields: "id"', 'fields: "id sails"'));
  expect(await check()).toMatchObject({ code: 1, said: expect.stringContaining('Breaking\n  Boat.@key.fields: ') });
});

test('a break passes when a commit since the release says that it is meant, and no other break with it', async () => {
  const { check, commit, git } = await createReleased();
  await commit(withoutSails, 'Boats have motors\n\nSchema-Break: Boat.sails nobody sails any more');
  expect(await check()).toMatchObject({
    code: 0,
    said: expect.stringContaining('Breaking, as intended\n  Boat.sails: '),
  });

  await commit(withoutSails.replace(' fleet: [Boat!]!', ''), 'Oops');
  const { code, said } = await check();
  expect(code).toBe(1);
  expect(said).toMatch(/\nBreaking\n {2}Query\.fleet: .*\n\nBreaking, as intended\n {2}Boat\.sails: /);

  await git('tag', 'v2.0.0');
  expect(await check()).toMatchObject({ code: 0, said: expect.stringContaining('v2.0.0: no change') });
});

test('before the first release it names what breaks since the last version, and passes', async () => {
  const { check, commit, git, write } = await createRepository();
  await git('init', '--quiet');
  await commit(schema);
  expect(await check()).toEqual({ code: 0, said: 'There is no other schema.graphql to compare with.\n' });

  await write(withoutSails);
  const uncommitted = await check();
  expect(uncommitted).toMatchObject({ code: 0, said: expect.stringContaining('\nBreaking\n  Boat.sails: ') });
  await commit(withoutSails);
  await git('commit', '--quiet', '--allow-empty', '--message', 'Something else');
  await git('tag', 'no-release');
  expect(await check()).toEqual(uncommitted);
});

test('without enough history in git the check says so, and passes', async () => {
  const origin = await createReleased();
  await origin.commit(withoutSails);
  const { directory, git, check } = await createRepository();
  const url = pathToFileURL(origin.directory).href;
  await git('clone', '--quiet', '--depth', '1', url, '.');
  expect(await check()).toMatchObject({ code: 0, said: expect.stringMatching(/shallow and knows no release/) });
  await git('fetch', '--quiet', '--unshallow', '--tags');
  expect(await check()).toMatchObject({ code: 1, said: expect.stringContaining('that of v1.0.0') });

  await rm(join(directory, '.git'), { recursive: true });
  expect(await check()).toEqual({ code: 0, said: 'There is no other schema.graphql to compare with.\n' });
});
