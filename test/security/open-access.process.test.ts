import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Answer, createTestApp } from '../support/app.ts';
import { freshDatabase } from '../support/database.ts';
import { startService } from '../support/process.ts';
import { apiKey, startUpstream } from '../support/upstream.ts';

const query = 'mutation { submitVideo(input: { grokVideo3: { prompt: "A paper boat" } }) { task { status } } }';

interface Got {
  readonly status: number | undefined;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly answer: Answer;
}

/** Orders a video with these headers: also those that `fetch` would not send as they are. */
function order(url: string, headers: Record<string, string>): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, (got) => {
    json(got).then(
      (answer) => resolve({ status: got.statusCode, headers: got.headers, answer: answer as Answer }),
      reject,
    );
  });
  sent.on('error', reject).end(JSON.stringify({ query }));
  return promise;
}

function preflight(url: string, origin: string): Promise<Response> {
  const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
  return fetch(url, { method: 'OPTIONS', headers: { origin, ...asked } });
}

const allowedTo = (response: Response | Got): unknown =>
  response.headers instanceof Headers
    ? response.headers.get('access-control-allow-origin')
    : (response.headers['access-control-allow-origin'] ?? null);

const strangers: Record<string, Record<string, string>> = {
  'a page in a sandboxed frame': { origin: 'null' },
  'a page of another site': { origin: 'https://elsewhere.example.com' },
  'a page whose name begins like this machine': { origin: 'http://localhost.example.com' },
  'a page that another site leads to, without an origin': { 'sec-fetch-site': 'cross-site' },
  'a name of its own that leads to this machine': { host: 'rebound.example.com' },
  'such a name with a port': { host: 'rebound.example.com:4000' },
  'a name that begins like this machine': { host: '127.0.0.1.example.com' },
  'an address of the network': { host: '192.168.1.4:4000' },
  'a proxy that says for whom': { 'x-forwarded-for': '203.0.113.9' },
  'a proxy that says for whom by the standard': { forwarded: 'for=203.0.113.9' },
  'a proxy that says its name': { via: '1.1 proxy' },
  'a proxy that says for which host': { 'x-forwarded-host': 'videos.example.com' },
  'a proxy that says the address': { 'x-real-ip': '203.0.113.9' },
};

test('without a key, only this machine may order: not a web page, nor another name, nor a proxy', async () => {
  const { url, upstream } = await createTestApp({ started: true });
  for (const [who, headers] of Object.entries(strangers)) {
    const { status, answer } = await order(url, headers);
    expect.soft(status, who).toBe(403);
    expect.soft(answer.data ?? null, who).toBeNull();
    expect.soft(answer.errors, who).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  }
  expect(upstream.submits).toEqual([]);
});

test('without a key, this machine may order under each of its own names, also from a page of its own', async () => {
  const { url, upstream } = await createTestApp({ started: true });
  const { port } = new URL(url);
  const own: Record<string, string>[] = [
    {},
    { host: `localhost:${port}` },
    { host: `127.0.0.1:${port}` },
    { host: `[::1]:${port}` },
    { origin: `http://localhost:${port}`, 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ];
  for (const headers of own) {
    const { status, answer } = await order(url, headers);
    expect.soft(status, JSON.stringify(headers)).toBe(200);
    expect.soft(answer.data.submitVideo.task.status, JSON.stringify(headers)).toBe('QUEUED');
  }
  expect(upstream.submits).toHaveLength(own.length);
});

const listed = ['https://one.example.com', 'https://two.example.com'];
const unlisted = ['null', 'https://three.example.com', 'http://one.example.com', 'https://one.example.com:8443'];

test('a listed origin is told that it may call, in the preflight and in the answer, and may order', async () => {
  const { url, upstream } = await createTestApp({ started: true, settings: { CORS_ORIGINS: listed.join(',') } });
  for (const origin of listed) {
    const asked = await preflight(url, origin);
    expect.soft(asked.status, origin).toBe(204);
    expect.soft(allowedTo(asked), origin).toBe(origin);
    expect.soft(asked.headers.get('access-control-allow-methods')).toBe('GET, POST');
    expect.soft(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const ordered = await order(url, { origin, 'sec-fetch-site': 'cross-site' });
    expect.soft(allowedTo(ordered), origin).toBe(origin);
    expect.soft(ordered.headers['vary'], origin).toMatch(/\borigin\b/i);
    expect.soft(ordered.answer.data.submitVideo.task.status, origin).toBe('QUEUED');
  }
  expect(upstream.submits).toHaveLength(listed.length);
});

test('an origin that is not listed is told nothing, and orders nothing', async () => {
  const { url, upstream } = await createTestApp({ started: true, settings: { CORS_ORIGINS: listed.join(',') } });
  for (const origin of unlisted) {
    expect.soft(allowedTo(await preflight(url, origin)), origin).toBeNull();
    const refused = await order(url, { origin });
    expect.soft(refused.status, origin).toBe(403);
    expect.soft(allowedTo(refused), origin).toBeNull();
  }
  expect(upstream.submits).toEqual([]);
});

test('without listed origins no page is told that it may call', async () => {
  const { url } = await createTestApp({ started: true });
  for (const origin of [...listed, 'null', new URL(url).origin]) {
    const asked = await preflight(url, origin);
    expect.soft(allowedTo(asked), origin).toBeNull();
    expect.soft(asked.headers.get('access-control-allow-methods'), origin).toBeNull();
    expect.soft(allowedTo(await order(url, { origin })), origin).toBeNull();
  }
});

test('an app in a web view, whose origin has a scheme of its own, may order where it is listed', async () => {
  const origin = 'capacitor://localhost';
  const { url, upstream } = await createTestApp({ started: true, settings: { CORS_ORIGINS: origin } });
  expect(allowedTo(await preflight(url, origin))).toBe(origin);
  const ordered = await order(url, { origin, 'sec-fetch-site': 'cross-site' });
  expect(allowedTo(ordered)).toBe(origin);
  expect(ordered.answer.data.submitVideo.task.status).toBe('QUEUED');
  expect(upstream.submits).toHaveLength(1);
});

const localPages = ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:8080', 'https://localhost'];

test('with the sandbox, a page on any port of this machine may call, and no other page', async () => {
  const { url } = await startService({ DATABASE_URL: await freshDatabase() }, '--development');
  for (const origin of localPages) {
    expect.soft(allowedTo(await preflight(url, origin)), origin).toBe(origin);
    expect.soft(allowedTo(await order(url, { origin, 'sec-fetch-site': 'same-site' })), origin).toBe(origin);
  }
  for (const origin of [...unlisted, 'http://localhost.example.com', 'http://printer.lan']) {
    expect.soft(allowedTo(await preflight(url, origin)), origin).toBeNull();
    expect.soft((await order(url, { origin })).status, origin).toBe(403);
  }
});

test('with a real key, in development too, a page on another port is told nothing, and the log says once why', async () => {
  const upstream = await startUpstream();
  const settings = { DATABASE_URL: await freshDatabase(), GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url };
  const service = await startService(settings, '--development');
  for (const origin of localPages) expect.soft(allowedTo(await preflight(service.url, origin)), origin).toBeNull();
  const { origin: ownOrigin } = new URL(service.url);
  expect(allowedTo(await preflight(service.url, ownOrigin))).toBeNull();
  await expect.poll(service.log).toContain(`A page of ${localPages[0]} has called`);
  expect(service.log().split('CORS_ORIGINS')).toHaveLength(2);
});
