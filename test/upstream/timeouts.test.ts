import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import type { Upstream } from '../../src/tasks/upstream.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { type Answer, apiKey, hang, startUpstream } from '../support/upstream.ts';

const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };

const calls: Record<string, (client: Upstream, signal: AbortSignal) => Promise<unknown>> = {
  submit: (client, signal) => client.submit(order, signal),
  check: (client, signal) => client.check('video_1', signal),
};

const answers: Record<string, Answer> = {
  'no answer': hang,
  'an answer that stops in its body': (response) => void response.writeHead(200).write('{'),
};

/**
 * Collects garbage repeatedly, so that objects with only weak references are gone, as in a service that has run for
 * long.
 */
function collectGarbage(): void {
  setFlagsFromString('--expose_gc');
  const collect: () => void = runInNewContext('gc');
  const timer = setInterval(collect, 20);
  onTestFinished(() => clearInterval(timer));
}

const cases = Object.keys(calls).flatMap((call) => Object.keys(answers).map((answer) => [call, answer] as const));

/** Undici loses the signal of a request object that is no longer referenced (nodejs/undici#4068). */
test.each(cases)(
  'a %s that gets %s ends in time, however much garbage is collected',
  async (call, answer) => {
    const { client } = await clientAnsweredBy(answers[answer]!, 300);
    collectGarbage();
    expect(await calls[call]!(client, new AbortController().signal)).toMatchObject({ kind: 'ANSWER_LOST' });
  },
  5_000,
);

test.each(cases)(
  'a %s that gets %s can be broken off, however much garbage is collected',
  async (call, answer) => {
    const { client, upstream } = await clientAnsweredBy(answers[answer]!, 60_000);
    collectGarbage();
    const stopped = new AbortController();
    const called = calls[call]!(client, stopped.signal);
    await expect.poll(() => upstream.keys).toHaveLength(1);
    setTimeout(() => stopped.abort(), 300);
    expect(await called).toMatchObject({ kind: 'ANSWER_LOST' });
  },
  5_000,
);

async function clientAnsweredBy(answer: Answer, timeoutMs: number) {
  const upstream = await startUpstream();
  upstream.onSubmit = answer;
  upstream.onCheck = answer;
  const settings = { baseUrl: upstream.url, apiKey, submitTimeoutMs: timeoutMs, checkTimeoutMs: timeoutMs };
  return { upstream, client: createUpstreamClient(settings) };
}

test('an answer that arrived while the process was held up past the timeout is read all the same', async () => {
  const { client } = await clientAnsweredBy((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"id":"video_7","status":"queued"}');
    // The answer is on its way. Nothing runs until long after the timeout: then timers come first.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600));
  }, 300);
  expect(await client.submit(order, new AbortController().signal)).toMatchObject({ kind: 'ACCEPTED' });
});
