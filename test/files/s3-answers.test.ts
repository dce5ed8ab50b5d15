import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { FileStore } from '../../src/files/file-store.ts';
import { openFileStore, type StorageSettings } from '../../src/files/open-file-store.ts';
import { StorageError } from '../../src/files/storage-error.ts';
import { freshDirectory } from '../support/database.ts';
import { bodyOf, contentOf, listed, namesIn, openingProblem, store } from '../support/file-stores.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

const secretAccessKey = 'the-secret-of-the-key';
const id = '8d3ba4b2-6d02-4c28-b1c2-92b0b0b0d0a1';

/** A server that answers as each test says, save for the marker, which is there where `marker` is its content. */
async function bucketWith(answer: Answer, marker: string | null = id): Promise<StorageSettings> {
  const server = createServer((request, response) => {
    if (marker !== null && request.url?.endsWith('/.store-id')) response.end(marker);
    else answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`;
  const place = { kind: 's3', bucket: 'videos', prefix: 'some', addressing: 'path' } as const;
  const limits = { temporaryDirectory: freshDirectory(), minFreeBytes: 0 };
  const key = { accessKeyId: 'key', secretAccessKey, sessionToken: 'the-token', region: 'eu-central-1' };
  return { ...place, ...limits, ...key, endpoint };
}

const openWith = async (answer: Answer): Promise<FileStore> => openFileStore(await bucketWith(answer));

/** The message of the StorageError that a call ends with. */
async function problemOf(call: Promise<unknown>): Promise<string> {
  const error = await call.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StorageError);
  return (error as StorageError).message;
}

test('a request is signed for the region, with the token of a temporary key, and asks for the key below the prefix', async () => {
  const seen: IncomingMessage[] = [];
  const files = await openWith((request, response) => {
    seen.push(request);
    response.end('bytes');
  });
  expect(await contentOf(files, 'videos/one')).toBe('bytes');
  expect(seen[0]?.url).toBe('/base/videos/some/videos/one');
  expect(seen[0]?.headers['x-amz-security-token']).toBe('the-token');
  expect(seen[0]?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, /,
  );
});

test('a request is sent again when the server asks for fewer requests, or closes the connection', async () => {
  const bodies: string[] = [];
  const files = await openWith(async (request, response) => {
    bodies.push(await text(request));
    if (bodies.length === 1) response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    else if (bodies.length === 2) request.socket.destroy();
    else response.end();
  });
  await store(files, 'videos/one', 'the bytes');
  expect(bodies).toEqual(['the bytes', 'the bytes', 'the bytes']);
});

test('a server that goes on failing is asked three times', async () => {
  let requests = 0;
  const files = await openWith((_, response) => {
    requests += 1;
    response.writeHead(500).end('<Error><Code>InternalError</Code></Error>');
  });
  expect(await problemOf(files.delete('one'))).toMatch(
    /^A DELETE was refused by the bucket videos at .+ HTTP 500, InternalError\.$/,
  );
  expect(requests).toBe(3);
});

test('a body that breaks off is an error and no shorter file', async () => {
  const files = await openWith((_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half of it', () => response.destroy());
  });
  expect(await problemOf(contentOf(files, 'one'))).toMatch(
    /^There is no connection to the bucket videos at .+: ECONNRESET\.$/,
  );
});

test('a range that the server does not heed is an error and not the whole file', async () => {
  const files = await openWith((_, response) => void response.end('0123456789'));
  expect(await problemOf(contentOf(files, 'one', { start: 1, end: 2 }))).toContain('HTTP 200');
});

test('a redirect is not followed, because the signature is for one host', async () => {
  let requests = 0;
  const files = await openWith((_, response) => {
    requests += 1;
    response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end('<Error><Code>TemporaryRedirect</Code></Error>');
  });
  expect(await problemOf(files.stat('one'))).toContain('HTTP 307');
  expect(await problemOf(contentOf(files, 'one'))).toContain('S3_REGION or S3_ENDPOINT is that of another region');
  expect(requests).toBe(2);
});

test('an endless error is read to its bound, and nothing of it is shown but its code', async () => {
  const files = await openWith((request, response) => {
    response.writeHead(403, { 'content-type': 'application/xml' });
    response.write(`<Error><Code>AccessDenied</Code><Message>${secretAccessKey}</Message>`);
    response.write(`<StringToSign>${request.headers.authorization}</StringToSign>`);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const problem = await problemOf(contentOf(files, 'one'));
  expect(problem).toContain('HTTP 403, AccessDenied: the key has no permission for this');
  expect(problem).not.toContain(secretAccessKey);
  expect(problem).not.toContain('AWS4');
});

test('a refusal that comes before the bytes of a large file ends the sending', async () => {
  let received = 0;
  const files = await openWith((request, response) => {
    request.on('data', (chunk) => {
      received += chunk.length;
    });
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
  });
  const large = Buffer.alloc(8 * 1024 * 1024);
  await using file = await files.receive(bodyOf(large), { maxBytes: large.length });
  expect(await problemOf(file.keep('one', 'video/mp4'))).toContain('AccessDenied');
  expect(received).toBe(0);
});

test('a bucket of a server without conditional writes gets its id too', async () => {
  let marker: string | null = null;
  const place = await bucketWith(async (request, response) => {
    if (request.headers['if-none-match']) response.writeHead(501).end('<Error><Code>NotImplemented</Code></Error>');
    else if (request.method === 'PUT') {
      marker = await text(request);
      response.end();
    } else if (marker === null) response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    else response.end(marker);
  }, null);
  const { id: first } = await openFileStore(place);
  expect(first).toBe(marker);
  expect((await openFileStore(place)).id).toBe(first);
});

test('a key that may not see what is missing is refused at the start', async () => {
  const place = await bucketWith((_, response) => {
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
  }, null);
  expect(await openingProblem(place)).toContain('s3:ListBucket for the bucket');
});

describe('with the clock of the test', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('a request that is not answered ends after 30 s, and is not sent again', async () => {
    let requests = 0;
    const arrived = Promise.withResolvers<void>();
    const files = await openWith(() => {
      requests += 1;
      arrived.resolve();
    });
    const problem = problemOf(files.stat('one'));
    await arrived.promise;
    vi.advanceTimersByTime(30_000);
    expect(await problem).toContain('nothing came from it for 30 s');
    expect(requests).toBe(1);
  });

  test('a body of which nothing more comes ends after a minute', async () => {
    const files = await openWith((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half of it');
    });
    const stream = await files.open('one');
    const chunks = stream?.iterator();
    expect(`${(await chunks?.next())?.value}`).toBe('half of it');
    const next = problemOf(Promise.resolve(chunks?.next()));
    vi.advanceTimersByTime(60_000);
    expect(await next).toContain('nothing came from it for 60 s');
  });

  test('a reader that takes its time gets the whole body', async () => {
    const content = 'x'.repeat(10 * 1024 * 1024);
    const files = await openWith((_, response) => void response.end(content));
    const stream = (await files.open('one')) ?? Readable.from([]);
    await once(stream, 'readable');
    for (let minute = 0; minute < 10; minute++) vi.advanceTimersByTime(60_000);
    expect((await text(stream)).length).toBe(content.length);
  });
});

const page = (keys: readonly string[], rest: string) =>
  `<?xml version="1.0"?><ListBucketResult>${keys
    .map(
      (key) =>
        `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>7</Size></Contents>`,
    )
    .join('')}${rest}</ListBucketResult>`;

test('a listing goes on with the token of the page before, as it stands there', async () => {
  const asked: (string | null)[] = [];
  const files = await openWith((request, response) => {
    const token = new URL(request.url ?? '', 'http://s3').searchParams.get('continuation-token');
    asked.push(token);
    const next =
      '<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/c= &lt;&#38;&#x26;&gt;</NextContinuationToken>';
    response.end(
      token === null
        ? page(['some/one', 'some/no.file'], next)
        : page(['some/two'], '<IsTruncated>false</IsTruncated>'),
    );
  });
  expect(await namesIn(files)).toEqual(['one', 'two']);
  expect(asked).toEqual([null, 'a+b/c= <&&>']);
  const [first] = await listed(files);
  expect(first).toEqual({ name: 'one', sizeBytes: 7, modifiedAt: new Date('2026-01-02T03:04:05Z') });
});

test.each([
  ['is cut off', page(['some/one'], '').slice(0, -20)],
  ['is no listing', '<html></html>'],
  ['goes on without a token', page(['some/one'], '<IsTruncated>true</IsTruncated>')],
  [
    'goes on for ever',
    page(['some/one'], '<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>'),
  ],
])('a listing that %s is an error and no list of what there is', async (_, answer) => {
  const files = await openWith((_, response) => void response.end(answer));
  expect(await problemOf(namesIn(files))).toMatch(/^The listing of the bucket videos at .+ cannot be read\.$/);
});
