import { expect, test } from 'vitest';
import { anOrder, submitDocument } from './support/app.ts';
import { freshDatabase } from './support/database.ts';
import { post, startService } from './support/process.ts';
import { holdWriteLock } from './support/sqlite-lock.ts';
import { statusesIn } from './support/statuses.ts';
import { apiKey, reply, startUpstream } from './support/upstream.ts';

test('a paid order is in the log before it is in the database', async () => {
  const upstream = await startUpstream();
  const databaseUrl = await freshDatabase();
  const service = await startService({
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
  });
  upstream.onSubmit = async (...exchange) => {
    await holdWriteLock(databaseUrl, 10_000);
    reply(200, { id: 'video_paid', status: 'queued' })(...exchange);
  };
  const answer = post(service.url, submitDocument, { input: anOrder }).catch(() => null);
  await expect.poll(service.log, { timeout: 5_000 }).toMatch(/"upstreamId":"video_paid","msg":"order accepted"/);
  // Should the process die now, the line is all there is.
  expect(await service.end('SIGKILL')).toBe('SIGKILL');
  expect(statusesIn(databaseUrl)).toEqual(['SUBMITTING']);
  await answer;
});
