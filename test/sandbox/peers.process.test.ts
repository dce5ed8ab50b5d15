import { ReadableStream } from 'node:stream/web';
import { expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { callUp } from '../security/guarded.ts';
import { anOrder, submitDocument } from '../support/app.ts';
import { freshDirectory } from '../support/database.ts';
import { freeSandbox } from '../support/free-sandbox.ts';
import { post, startService } from '../support/process.ts';

const headers = { authorization: 'Bearer any', 'content-type': 'application/json' };
const orderTo = (url: string, body: BodyInit) =>
  fetch(`${url}/v1/grok/videos`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);

test('the sandbox keeps no more of a body than an order may have, and refuses the rest', async () => {
  const { url, stop } = await startSandbox(freeSandbox);
  onTestFinished(stop);
  const megabyte = Buffer.alloc(1024 * 1024, ' ');
  async function* spaces(megabytes: number) {
    for (let sent = 0; sent < megabytes; sent++) yield megabyte;
    yield Buffer.from('{"model":"grok_video3","prompt":"A paper boat"}');
  }
  const within = await orderTo(url, ReadableStream.from(spaces(20)) as BodyInit);
  expect(within.status).toBe(200);
  const beyond = await orderTo(url, ReadableStream.from(spaces(300)) as BodyInit);
  expect(beyond.status).toBe(400);
  const many = JSON.stringify({ model: 'grok_video3', prompt: 'A boat', image_urls: Array(5_000).fill('no URL') });
  expect((await (await orderTo(url, many)).text()).length).toBeLessThan(1_000);
});

test('nothing that is sent to the sandbox ends the service that it runs in', async () => {
  const databaseUrl = `file:${freshDirectory()}/videos.db`;
  const service = await startService({ DATABASE_URL: databaseUrl, LOG_LEVEL: 'info' }, '--development');
  const [sandboxUrl = ''] = /http:\/\/127\.0\.0\.1:\d+(?= makes)/.exec(service.log()) ?? [];
  expect(sandboxUrl).not.toBe('');
  const head = 'POST /v1/grok/videos HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer any\r\n';
  const pieces = [
    'garbage\r\n\r\n',
    `${head}content-length: 100\r\n\r\n{"model":`,
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    `${head}content-length: 4\r\n\r\nnull`.repeat(3),
    'GET /videos/x.mp4 HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(50),
    'GET /v1/result/%zz HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer any\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n',
  ];
  for (const piece of pieces) {
    for (const end of ['end', 'resetAndDestroy', 'pause'] as const) (await callUp(sandboxUrl, piece)).socket[end]();
  }
  const { data } = await (await post(service.url, submitDocument, { input: anOrder })).json();
  expect(data.submitVideo.task.status).toBe('QUEUED');
  expect(service.process.exitCode ?? service.process.signalCode).toBeNull();
});
