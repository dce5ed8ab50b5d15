import { expect, test } from 'vitest';
import { anOrder, createTestApp, submitDocument } from '../support/app.ts';

test('a valid order is sent once and comes back as a queued task', async () => {
  const { query, upstream } = await createTestApp();
  const { data, errors } = await query(submitDocument, { input: anOrder });
  expect(errors).toBeUndefined();
  expect(data.submitVideo.task).toMatchObject({ status: 'QUEUED', upstreamId: 'video_1', failure: null });
  expect(upstream.submits).toEqual([
    { model: 'grok_video3', prompt: 'A paper boat', duration: 10, aspect_ratio: '16:9', resolution: '720p' },
  ]);
});
