import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, inject, test } from 'vitest';
import { openFileStore } from '../../src/files/open-file-store.ts';
import { closedPort } from '../support/closed-port.ts';
import { testFileStore } from '../support/file-store-tests.ts';
import { bodyOf, contentOf, namesIn, openingProblem, store } from '../support/file-stores.ts';
import { freshBucket, resolveVirtualHosts } from '../support/s3-bucket.ts';

const link = { signedAt: new Date(), expiresInSeconds: 3_600, contentType: 'video/mp4', fileName: 'a cat, "ü".mp4' };

/** What a GET answers, by the name lookup of the test, which `fetch` does not use. */
async function textAt(url: string): Promise<string> {
  const [answer] = await once(get(url), 'response');
  return text(answer);
}

describe('a bucket whose name stands in the path', () => {
  testFileStore(() => freshBucket());
});

describe('a bucket whose name stands before the host', () => {
  resolveVirtualHosts();

  test('keeps, reads, lists, signs and deletes as one in the path does', async () => {
    const bucket = await freshBucket({ addressing: 'virtual', endpoint: inject('s3').virtualEndpoint });
    const files = await openFileStore(bucket);
    await store(files, 'videos/one', '0123456789');
    expect(await contentOf(files, 'videos/one', { start: 3, end: 5 })).toBe('345');
    expect(await namesIn(files, 'videos/')).toEqual(['videos/one']);
    const url = (await files.signedUrl('videos/one', link)) ?? '';
    expect(new URL(url).hostname).toBe(`${bucket.bucket}.s3.test`);
    expect(await textAt(url)).toBe('0123456789');
    await files.delete('videos/one');
    expect(await files.stat('videos/one')).toBeNull();
  });
});

describe('the start over a bucket says what is wrong', () => {
  const secret = 'not-the-secret-of-this-key';

  test('a secret that is not that of the key, without showing it', async () => {
    const bucket = await freshBucket({ secretAccessKey: secret });
    const problem = await openingProblem(bucket);
    expect(problem).toContain(`A GET was refused by the bucket ${bucket.bucket} at 127.0.0.1:`);
    expect(problem).toContain(
      'HTTP 403, SignatureDoesNotMatch: AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID',
    );
    expect(problem).not.toContain(secret);
    expect(problem).not.toContain('Signature=');
  });

  test('a key that is not known', async () => {
    const problem = await openingProblem(await freshBucket({ accessKeyId: 'test:stranger' }));
    expect(problem).toMatch(/HTTP 403, \w+: AWS_/);
  });

  test('a bucket that does not exist', async () => {
    const bucket = { ...(await freshBucket()), bucket: 'no-such-bucket' };
    expect(await openingProblem(bucket)).toContain('HTTP 404, NoSuchBucket: there is no such bucket.');
  });

  test('another region than that of the bucket', async () => {
    const problem = await openingProblem(await freshBucket({ region: 'eu-central-1' }));
    expect(problem).toContain('AuthorizationHeaderMalformed: S3_REGION or S3_ENDPOINT is that of another region.');
  });

  test('a server that is not there', async () => {
    const bucket = { ...(await freshBucket()), endpoint: `http://127.0.0.1:${await closedPort()}` };
    expect(await openingProblem(bucket)).toMatch(/^There is no connection to the bucket .+: ECONNREFUSED\.$/);
  });
});

test('two prefixes in a bucket are two places, of which neither sees the files of the other', async () => {
  const bucket = await freshBucket();
  const [one, other, whole] = await Promise.all(
    ['one', 'other/below', ''].map((prefix) => openFileStore({ ...bucket, prefix })),
  );
  if (!one || !other || !whole) throw new Error('three stores were opened');
  expect(new Set([one.id, other.id, whole.id]).size).toBe(3);
  await store(one, 'file', 'of the one');
  await store(other, 'file', 'of the other');
  expect(await contentOf(one, 'file')).toBe('of the one');
  expect(await namesIn(one)).toEqual(['file']);
  expect(await namesIn(whole)).toEqual(['one/file', 'other/below/file']);
});

test('a file is larger than what is sent before the server has agreed, and arrives whole', async () => {
  const files = await openFileStore(await freshBucket());
  const content = randomBytes(3 * 1024 * 1024 + 1);
  const file = await files.receive(bodyOf(content), { maxBytes: content.length });
  await file.keep('videos/large', 'video/mp4');
  expect(
    (await contentOf(files, 'videos/large', { start: content.length - 4, end: content.length - 1 }))?.length,
  ).toBeGreaterThan(0);
  expect(await files.stat('videos/large')).toMatchObject({ sizeBytes: content.length });
});

test.each([
  ['few bytes', 100],
  ['more bytes than are sent before the server has agreed', 2 * 1024 * 1024],
])('bytes that have changed on the disk since they were hashed are refused (%s)', async (_, size) => {
  const files = await openFileStore(await freshBucket());
  const file = await files.receive(bodyOf(Buffer.alloc(size, 'a')), { maxBytes: size });
  await writeFile(file.path, Buffer.alloc(size, 'b'));
  await expect(file.keep('videos/one', 'video/mp4')).rejects.toThrow(/^A PUT was refused by .+ HTTP 400/);
  expect(await files.stat('videos/one')).toBeNull();
  await file.discard();
});

describe('a signed link', () => {
  const signedLink = async (changes: Partial<typeof link> = {}): Promise<string> => {
    const files = await openFileStore(await freshBucket({ prefix: 'some/prefix' }));
    await store(files, 'videos/one', '0123456789');
    return (await files.signedUrl('videos/one', { ...link, ...changes })) ?? '';
  };

  test('is answered by the bucket itself, with the type and the name of the file', async () => {
    const answer = await fetch(await signedLink());
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('0123456789');
    expect(answer.headers.get('content-type')).toBe('video/mp4');
    expect(answer.headers.get('content-disposition')).toBe(
      `inline; filename="a cat_ ___.mp4"; filename*=UTF-8''a%20cat%2C%20%22%C3%BC%22.mp4`,
    );
  });

  test('can be sought in', async () => {
    const answer = await fetch(await signedLink(), { headers: { range: 'bytes=3-5' } });
    expect(answer.status).toBe(206);
    expect(await answer.text()).toBe('345');
  });

  test('is the same for the same moment, so that caches can keep what it returns', async () => {
    const files = await openFileStore(await freshBucket());
    expect(await files.signedUrl('one', link)).toBe(await files.signedUrl('one', link));
    const later = { ...link, signedAt: new Date(link.signedAt.getTime() + 1_000) };
    expect(await files.signedUrl('one', later)).not.toBe(await files.signedUrl('one', link));
  });

  test.each([
    ['file', (url: string) => url.replace('videos/one', 'videos/two')],
    ['time', (url: string) => url.replace('X-Amz-Expires=3600', 'X-Amz-Expires=7200')],
    ['signature', (url: string) => url.replace(/(X-Amz-Signature=)./, '$1x')],
    ['type', (url: string) => url.replace('video%2Fmp4', 'text%2Fhtml')],
  ])('whose %s was changed is refused', async (_, change) => {
    const url = await signedLink();
    expect(change(url)).not.toBe(url);
    expect((await fetch(change(url))).status).toBe(403);
  });

  test('that has expired is refused', async () => {
    const url = await signedLink({ signedAt: new Date(Date.now() - 7_200_000) });
    expect((await fetch(url)).status).toBe(403);
  });
});
