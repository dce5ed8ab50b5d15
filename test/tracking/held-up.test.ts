import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { createTestDomain, minuteMs, ordersWith } from '../support/domain.ts';
import { failing, localCaller } from '../support/local-caller.ts';
import { reply, startUpstream } from '../support/upstream.ts';

const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });

test('an order whose process was held up past its lease is not sent, because others have given it up', async () => {
  const upstream = await startUpstream();
  const { parts, clock, tracker } = await createTestDomain(upstream);
  const { create } = parts.store;
  const store = {
    ...parts.store,
    async create(task: Parameters<typeof create>[0]) {
      const created = await create(task);
      // The state after a machine was suspended, or a clock set forward.
      clock.now = new Date(clock.now.getTime() + minuteMs);
      await tracker.checkDue();
      return created;
    },
  };
  const { task } = await ordersWith({ ...parts, store }).submit(localCaller, { request, options: failing });
  expect(upstream.submits).toEqual([]);
  expect(task).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_UNREACHABLE' });
  expect(task.history.map(({ to }) => to)).toEqual(['UNCONFIRMED', 'FAILED']);
});

test('an answer that comes after the task was abandoned leaves it ended, with the id of what may be billed', async () => {
  const upstream = await startUpstream();
  const { parts, orders, clock, tracker, find } = await createTestDomain(upstream);
  upstream.onSubmit = async (response, incoming) => {
    const [task] = await parts.store.list({}, { limit: 1, inverted: false });
    clock.now = new Date(clock.now.getTime() + minuteMs);
    await tracker.checkDue();
    await orders.abandon(localCaller, task!.id);
    reply(200, { id: 'video_late', status: 'queued' })(response, incoming);
  };
  const { task } = await orders.submit(localCaller, { request, options: failing });
  const ended = { status: 'FAILED', failureCode: 'SUBMISSION_UNCONFIRMED', upstreamId: 'video_late' };
  expect(await find(task.id)).toMatchObject(ended);
});
