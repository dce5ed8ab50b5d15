import { expect, test } from 'vitest';
import { isFetchablePort } from '../src/fetchable.ts';
import { anOrder, createTestApp, submitDocument } from './support/app.ts';
import { startUpstream } from './support/upstream.ts';

/** Stands in for the connection: fetch has not refused a request that reaches this. */
const dispatcher = {
  dispatch() {
    throw new Error('connecting');
  },
};

/** Whether fetch itself would connect. */
async function connects(port: number): Promise<boolean> {
  const init = { dispatcher } as unknown as RequestInit;
  const { message } = await fetch(`http://127.0.0.1:${port}`, init).then(
    () => expect.fail('nothing was there to answer'),
    ({ cause }: { cause: Error }) => cause,
  );
  expect(['connecting', 'bad port']).toContain(message);
  return message === 'connecting';
}

test('the ports that are refused at the start are those that fetch refuses', async () => {
  const ports = Array.from({ length: 65_535 }, (_, index) => index + 1);
  const differing: number[] = [];
  for (const port of ports) if ((await connects(port)) !== isFetchablePort(port)) differing.push(port);
  expect(differing).toEqual([]);
}, 120_000);

test.each(['/', '/api', '/api/', '/api/v2/'])('orders arrive where GROK_API_BASE_URL ends in %s', async (path) => {
  const upstream = await startUpstream(path);
  const { query } = await createTestApp({ upstream, settings: { GROK_API_BASE_URL: `${upstream.url}${path}` } });
  const { data } = await query(submitDocument, { input: anOrder });
  expect(data.submitVideo.task.status).toBe('QUEUED');
  expect(upstream.submits).toHaveLength(1);
});
