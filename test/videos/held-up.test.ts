import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/videos/request.ts';
import { abandonTask } from '../../src/videos/resolve.ts';
import { submitVideo } from '../../src/videos/submit.ts';
import { localClient } from '../support/client.ts';
import { createTestServices, minuteMs } from '../support/services.ts';
import { reply, startUpstream } from '../support/upstream.ts';

const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });

test('an order whose process was held up past its lease is not sent, because others have given it up', async () => {
  const upstream = await startUpstream();
  const { services, clock, tracker } = await createTestServices(upstream);
  const { create } = services.store;
  const store = {
    ...services.store,
    async create(task: Parameters<typeof create>[0]) {
      const created = await create(task);
      // Where a machine that is paused, or a clock that is set forward, leaves the process.
      clock.now = new Date(clock.now.getTime() + minuteMs);
      await tracker.checkDue();
      return created;
    },
  };
  const { task } = await submitVideo({ ...services, store }, localClient, { request });
  expect(upstream.submits).toEqual([]);
  expect(task).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_UNREACHABLE' });
  expect(task.history.map(({ to }) => to)).toEqual(['UNCONFIRMED', 'FAILED']);
});

test('an answer that comes after the task was abandoned leaves it ended, with the id of what may be billed', async () => {
  const upstream = await startUpstream();
  const { services, clock, tracker, find } = await createTestServices(upstream);
  upstream.onSubmit = async (response, incoming) => {
    const [task] = await services.store.list({}, { limit: 1, inverted: false });
    clock.now = new Date(clock.now.getTime() + minuteMs);
    await tracker.checkDue();
    await abandonTask(services, localClient, task!.id);
    reply(200, { id: 'video_late', status: 'queued' })(response, incoming);
  };
  const { task } = await submitVideo(services, localClient, { request });
  const ended = { status: 'FAILED', failureCode: 'SUBMISSION_UNCONFIRMED', upstreamId: 'video_late' };
  expect(await find(task.id)).toMatchObject(ended);
});
