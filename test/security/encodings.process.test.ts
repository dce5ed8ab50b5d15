import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { callUp, type Guarded, headOf, startGuarded } from './guarded.ts';

const order = 'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { task { prompt } } }';
const whoami = '{ videoClient { name } }';

/** A body with these bytes in a text of it. */
function withBytes(body: object, bytes: readonly number[]): Buffer {
  const [before = '', after = ''] = JSON.stringify(body).split('HERE');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}

const ordered = (bytes: readonly number[]): Buffer =>
  withBytes({ query: order, variables: { input: { grokVideo3: { prompt: 'A boat HERE' } } } }, bytes);
const asked = (bytes: readonly number[]): Buffer => withBytes({ query: whoami, variables: { unused: 'HERE' } }, bytes);

/** The body in pieces of so many bytes, without a length. */
function inChunks(body: Buffer, size: number): BodyInit {
  const starts = Array.from({ length: Math.ceil(body.length / size) }, (_, index) => index * size);
  return Readable.toWeb(Readable.from(starts.map((start) => body.subarray(start, start + size)))) as BodyInit;
}

type Way = (service: Guarded, body: Buffer, headers?: Record<string, string>) => Promise<Response>;

const streamed = ({ url, key }: Guarded, body: BodyInit, headers: Record<string, string>): Promise<Response> => {
  const usual = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' };
  return fetch(url, { method: 'POST', headers: { ...usual, ...headers }, body, duplex: 'half' } as RequestInit);
};

const ways: Record<string, Way> = {
  'with a length': ({ send }, body, headers) => send(new Uint8Array(body), headers),
  'in one chunk': (service, body, headers = {}) => streamed(service, inChunks(body, body.length), headers),
  'in chunks of one byte': (service, body, headers = {}) => streamed(service, inChunks(body, 1), headers),
};

const notUtf8: Record<string, number[]> = {
  'é in ISO 8859-1': [0xe9],
  'a character that is longer than it has to be': [0xc0, 0x80],
  'a slash that is longer than it has to be': [0xe0, 0x80, 0xaf],
  'a character that breaks off': [0xe2, 0x82],
  'a continuation without a beginning': [0x82],
  'half a surrogate pair': [0xed, 0xa0, 0xbd],
  'a whole surrogate pair': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  'a character beyond Unicode': [0xf5, 0x80, 0x80, 0x80],
  'a byte that UTF-8 does not have': [0xff],
};

const badRequest = (message: string) => ({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] });

test.each(Object.entries(ways))(
  'a body that is not UTF-8 is a bad request, and nothing is ordered: %s',
  async (_, post) => {
    const service = await startGuarded();
    // Now the fast path knows the query.
    for (let time = 0; time < 3; time++) expect((await post(service, asked([0x78]))).status).toBe(200);
    for (const [name, bytes] of Object.entries(notUtf8)) {
      for (const body of [ordered(bytes), asked(bytes)]) {
        const response = await post(service, body);
        expect.soft(response.status, name).toBe(400);
        expect.soft(await response.json(), name).toEqual(badRequest('The body is not valid UTF-8.'));
      }
    }
    for (const encoding of ['utf16le', 'latin1'] as const) {
      const text = JSON.stringify({ query: order, variables: { input: { grokVideo3: { prompt: 'Ein Böötchen' } } } });
      expect.soft((await post(service, Buffer.from(text, encoding))).status, encoding).toBe(400);
    }
    expect(service.upstream.submits).toEqual([]);
  },
);

test.each(Object.entries(ways))(
  'a body in UTF-8 is taken as it is, with and without a byte order mark: %s',
  async (_, post) => {
    const service = await startGuarded();
    const prompt = 'é ü 纸船 😀 \u{10ffff}';
    const bytes = [...Buffer.from(prompt)];
    const mark = Buffer.from([0xef, 0xbb, 0xbf]);
    for (const body of [ordered(bytes), Buffer.concat([mark, ordered(bytes)])]) {
      const answer = await (await post(service, body)).json();
      expect(answer).toEqual({ data: { submitVideo: { task: { prompt: `A boat ${prompt}` } } } });
    }
    expect(service.upstream.submits.map((submit) => submit['prompt'])).toEqual([
      `A boat ${prompt}`,
      `A boat ${prompt}`,
    ]);
    for (let time = 0; time < 3; time++) {
      for (const body of [asked(bytes), Buffer.concat([mark, asked(bytes)])]) {
        const response = await post(service, body);
        expect([response.status, await response.json()]).toEqual([200, { data: { videoClient: { name: 'app' } } }]);
      }
    }
    // Anywhere else, and twice, it is no JSON.
    expect((await post(service, Buffer.concat([mark, mark, asked(bytes)]))).status).toBe(400);
  },
);

const types: readonly [type: string, status: number][] = [
  ['application/json', 200],
  ['application/JSON', 200],
  ['application/json;charset=utf-8', 200],
  ['application/json; charset="UTF-8"', 200],
  ['application/json ; CHARSET=Utf-8', 200],
  ['application/json;charset=utf8', 200],
  ['application/json; a=b', 200],
  ['application/json;', 200],
  ['application/json;charset=', 415],
  ['application/json;charset=iso-8859-1', 415],
  ['application/json; charset="iso-8859-1"', 415],
  ['application/json; charset=utf-16', 415],
  ['application/json; charset=utf-8; charset=utf-16', 415],
  ['application/json; charset="utf-8', 415],
  ['application/graphql+json', 415],
  ['application/graphql-response+json', 415],
  ['application/jsonx', 415],
  ['application/json, application/json', 415],
  ['text/json', 415],
];

test('every spelling of JSON in UTF-8 is accepted as a content type, and others are refused with the reason', async () => {
  const { send, upstream } = await startGuarded();
  for (const [type, status] of types) {
    const response = await send(asked([0x78]).toString(), { 'content-type': type });
    expect.soft([type, response.status]).toEqual([type, status]);
    const { errors } = await response.json();
    if (status === 415) expect.soft(errors, type).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }]);
    if (status === 415) expect.soft(errors?.[0].message, type).toMatch(/application\/json|UTF-8/);
  }
  expect(upstream.submits).toEqual([]);
});

test('a compressed body is refused before any of it is read, for every compression', async () => {
  const service = await startGuarded();
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'GZIP', 'gzip, identity', 'nonsense']) {
    const body = new Uint8Array(gzipSync(ordered([0x78])));
    for (const response of [
      await service.send(body, { 'content-encoding': encoding }),
      // In one chunk, because the connection is closed as soon as it is answered.
      await streamed(service, inChunks(Buffer.from(body), body.length), { 'content-encoding': encoding }),
    ]) {
      expect.soft(response.status, encoding).toBe(415);
      expect.soft(response.headers.get('accept-encoding'), encoding).toBe('identity');
      expect
        .soft(await response.json(), encoding)
        .toEqual(badRequest('The body must not be compressed: send it without Content-Encoding.'));
    }
  }
  const authorization = `Bearer ${service.key}`;
  const head = headOf({ authorization, 'content-encoding': 'gzip', 'content-length': 1024 * 1024 });
  const line = await callUp(service.url, head);
  expect(await line.closedWithin(5_000)).toBe(true);
  expect(line.heard()).toMatch(/^HTTP\/1\.1 415 /);
  const plain = await service.send(asked([0x78]).toString(), { 'content-encoding': 'identity' });
  expect(plain.status).toBe(200);
  expect(service.upstream.submits).toEqual([]);
});

test('a URL whose parameters are not UTF-8, or not well escaped, is a bad request', async () => {
  const { url, key, upstream } = await startGuarded();
  const get = (search: string) => fetch(`${url}?${search}`, { headers: { authorization: `Bearer ${key}` } });
  const query = encodeURIComponent(whoami);
  for (const search of [
    `query=${query}%20%23%E9`,
    `query=${query}&variables=%7B%22x%22:%22%ED%A0%80%22%7D`,
    `query=${query}&operationName=%C0%80`,
    `query=${query}&extensions=%7B%22x%22:%22%FF%22%7D`,
    `query=${query}&x=%E2%82`,
    `query=${query}&x=%`,
    `query=${query}&x=%zz`,
  ]) {
    const response = await get(search);
    expect.soft(response.status, search).toBe(400);
    expect
      .soft(await response.json(), search)
      .toEqual(badRequest('The parameters of the URL are not valid UTF-8, percent-encoded.'));
  }
  const fine = await get(`query=${query}&variables=${encodeURIComponent('{"x":"é 😀"}')}`);
  expect(await fine.json()).toEqual({ data: { videoClient: { name: 'app' } } });
  // A POST may name a document in its URL.
  const posted = await fetch(`${url}?documentId=%E9`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: asked([0x78]).toString(),
  });
  expect(posted.status).toBe(400);
  expect(upstream.submits).toEqual([]);
});

const submit =
  'mutation ($input: SubmitVideoInput!, $key: String) { submitVideo(input: $input, idempotencyKey: $key) { replayed } }';

test.each<[what: string, half: string]>([
  ['the first half', '\ud800'],
  ['the second half', '\udc00'],
  ['both halves in the wrong order', '\udc00\ud800'],
])('%s of a surrogate pair, escaped in JSON, is in no text that is kept', async (_, half) => {
  const { send, upstream } = await startGuarded();
  const input = { grokVideo3: { prompt: 'A boat' } };
  for (const variables of [
    { input: { grokVideo3: { prompt: `A boat ${half}` } } },
    { input: { grokVideo3: { prompt: 'A boat', images: [{ url: `https://example.com/${half}.png` }] } } },
    { input, key: `boat-${half}` },
  ]) {
    const { errors } = await (await send({ query: submit, variables })).json();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
  expect(upstream.submits).toEqual([]);
  await send({ query: submit, variables: { input } });
  expect(upstream.submits).toHaveLength(1);
});
