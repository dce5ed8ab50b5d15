import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Guarded, startGuarded } from '../security/guarded.ts';
import { anOrder, submitDocument } from '../support/app.ts';
import type { KnownValues } from '../support/generated-input.ts';
import { generateQuery } from '../support/generated-query.ts';
import { inlinePng } from '../support/images.ts';
import { noSpendingLimits } from '../support/local-caller.ts';
import { startService } from '../support/process.ts';
import { apiKey, completed, inTurn, reply, reset, status } from '../support/upstream.ts';

const queries = 250;
const seed = 20_261_127;

/** A service with tasks of each kind, of which none is open, so that no answer changes by itself. */
async function startWithTasks(): Promise<{ service: Guarded; known: KnownValues }> {
  const service = await startGuarded({
    LOG_LEVEL: 'trace',
    MAX_COMPLEXITY: '200000',
    TRACKER_FIRST_CHECK_MS: '20',
    TRACKER_INTERVAL_MS: '20',
  });
  const { upstream } = service;
  const failed = status('failed', { error: { message: 'The prompt was refused by moderation.' } });
  upstream.onCheck = inTurn(failed, completed);
  const image = { url: 'https://images.example.com/boat.png' };
  const inputs = [
    anOrder,
    { grokVideo3Pro: { prompt: 'Two boats', images: [{ dataUri: inlinePng() }, image] } },
    { grokVideo3Stable: { prompt: 'A boat', images: [image] } },
    { grokVideo3Max: { prompt: 'A refused boat' } },
    { grokVideo3: { prompt: 'A lost boat' } },
  ];
  const ids: string[] = [];
  const order = async (document: string, variables: object) => {
    const { data } = await (await service.send({ query: document, variables })).json();
    ids.push(data.order.task.id);
  };
  const submit = submitDocument.replace('submitVideo(', 'order: submitVideo(');
  for (const [index, input] of inputs.entries()) {
    if (index === 3) upstream.onSubmit = reply(400, { error: { message: 'No.' } });
    if (index === 4) upstream.onSubmit = reset;
    await order(submit, { input });
  }
  await order('mutation ($id: ID!) { order: resubmitVideo(id: $id) { task { id } } }', { id: ids[3] });
  const open = '{ videoTaskCounts(filter: { statuses: [SUBMITTING, QUEUED, PROCESSING] }) { count } }';
  await expect
    .poll(async () => (await (await service.send({ query: open })).json()).data.videoTaskCounts)
    .toSatisfy((counts: { count: number }[]) => counts.every(({ count }) => count === 0));
  return { service, known: { ids: [...ids, '01a20300-0000-7000-8000-000000000000'], clients: ['app', 'other'] } };
}

/** The same database and key, by a service that answers everything through Yoga. */
const startWithoutFastPath = ({ databaseUrl, upstream }: Guarded) =>
  startService({
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    ...noSpendingLimits,
    LOG_LEVEL: 'trace',
    MAX_COMPLEXITY: '200000',
    FAST_PATH: 'off',
  });

/** All of an answer that does not differ each time. */
async function answerOf(response: Response) {
  const { date, 'x-request-id': _, ...headers } = Object.fromEntries(response.headers);
  return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()).toString('latin1') };
}

test(`${queries} generated queries are answered by the fast path as by Yoga, byte by byte`, async () => {
  const { service, known } = await startWithTasks();
  const withoutFastPath = await startWithoutFastPath(service);
  const send = async (url: string, body: object, requestId: string) =>
    answerOf(
      await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${service.key}`,
          'content-type': 'application/json',
          accept: 'application/json',
          'x-request-id': requestId,
        },
        body: JSON.stringify(body),
      }),
    );
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (generate) => {
      number += 1;
      const sent = generateQuery(generate, known);
      const [byYoga, ...answers] = await Promise.all([
        send(withoutFastPath.url, sent, 'yoga'),
        send(service.url, sent, `first-${number}`),
      ]);
      for (const time of ['second', 'third']) answers.push(await send(service.url, sent, `${time}-${number}`));
      for (const answer of answers) expect({ sent, answer }).toEqual({ sent, answer: byYoga });
    }),
    // Without shrinking, which would send hundreds of queries more.
    { numRuns: queries, seed, endOnFailure: true },
  );
  // The log is written in order: once it has the last query, it has all of them.
  await send(service.url, { query: '{ __typename }' }, 'the-last');
  await expect.poll(() => service.log()).toContain('"requestId":"the-last"');
  const log = service.log();
  const occurrences = (pattern: RegExp) => log.match(pattern)?.length ?? 0;
  // The others are refused: some of what is generated is invalid.
  expect(occurrences(/"requestId":"(second|third)-\d+","msg":"answered by the fast path"/g)).toBeGreaterThan(queries);
  expect(occurrences(/"compiled":true/g)).toBeGreaterThan(queries / 2);
  expect(occurrences(/"compiled":false/g)).toBeGreaterThan(queries / 20);
  expect(withoutFastPath.log()).not.toContain('answered by the fast path');
}, 120_000);
