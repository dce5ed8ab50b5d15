import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { freshDirectory } from '../support/database.ts';

const query = '{ videoModels { name } }';
const hash = createHash('sha256').update(query).digest('hex');
const data = { videoModels: expect.any(Array) };

type Parameters = Readonly<Record<string, unknown>>;

/** A started service, with this content in its file of documents, and how it answers parameters by POST and by GET. */
async function serviceWith(file?: object) {
  const path = `${freshDirectory()}/documents.json`;
  if (file) writeFileSync(path, JSON.stringify(file));
  const { url } = await createTestApp({ started: true, settings: file ? { PERSISTED_OPERATIONS_FILE: path } : {} });
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' };
  const search = (parameters: Parameters) =>
    new URLSearchParams(
      Object.entries(parameters).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
  const read = async (response: Response) => ({ status: response.status, body: await response.json() });
  return {
    post: async (parameters: Parameters) =>
      read(await fetch(url, { method: 'POST', headers, body: JSON.stringify(parameters) })),
    get: async (parameters: Parameters) => read(await fetch(`${url}?${search(parameters)}`, { headers })),
  };
}

const byHash = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

test.each<[name: string, parameters: Parameters]>([
  ['a hash, as Apollo and urql send it', byHash(hash)],
  ['a hash and the name of its operation', { operationName: 'Models', variables: {}, ...byHash(hash) }],
  ['a hash with its algorithm', byHash(`sha256:${hash}`)],
  ['an id, as GraphQL over HTTP sends it', { documentId: `sha256:${hash}` }],
])('without a list, %s without a document is refused in the words that make clients send it', async (_, parameters) => {
  const { post, get } = await serviceWith();
  const errors = [{ message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }];
  for (const answer of [await post(parameters), await get(parameters)])
    expect(answer).toEqual({ status: 200, body: { errors } });
  // What clients send then.
  for (const answer of [await post({ query, ...parameters, operationName: null }), await post({ query })])
    expect(answer).toEqual({ status: 200, body: { data } });
});

test('without a list, a request with neither a document nor an id is a bad request as before', async () => {
  const { post } = await serviceWith();
  for (const parameters of [
    {},
    { extensions: { persistedQuery: { version: 1 } } },
    { extensions: { persistedQuery: null } },
  ])
    expect(await post(parameters)).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
    });
});

const manifest = (id: string) => ({
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations: [{ id, name: 'Models', type: 'query', body: query }],
});

const spellings = [hash, `sha256:${hash}`, hash.toUpperCase(), `sha256:${hash.toUpperCase()}`];

test.each<[name: string, file: object]>([
  ...spellings.map((id): [string, object] => [`ids and documents, with ${id.slice(0, 12)}`, { [id]: query }]),
  ...spellings.map((id): [string, object] => [`Apollo's manifest, with ${id.slice(0, 12)}`, manifest(id)]),
])('a file of %s knows its document by every spelling of the hash', async (_, file) => {
  const { post, get } = await serviceWith(file);
  for (const id of spellings) {
    for (const parameters of [byHash(id), { documentId: id }]) {
      expect.soft(await post(parameters), id).toEqual({ status: 200, body: { data } });
      expect.soft(await get(parameters), id).toEqual({ status: 200, body: { data } });
    }
  }
  const unknown = { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST' } }] };
  for (const id of [hash.slice(1), `md5:${hash}`, `sha256:sha256:${hash}`])
    expect.soft(await post(byHash(id)), id).toMatchObject({ status: 400, body: unknown });
});
