import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { anOrder, createTestApp } from '../support/app.ts';
import { runCommand } from '../support/callers.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { waitDocument } from '../support/placing.ts';
import { startUpstream } from '../support/upstream.ts';

const submissions = (databaseUrl: string, command: string) => runCommand('src/submissions.ts', databaseUrl, command);

const statusDocument = 'query ($id: ID!) { videoTask(id: $id) { status waiting { reason } } }';

test.each(databaseProviders)(
  'a pause on %s ends once no order is under way; none is sent until it is over, by any instance',
  async (provider) => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    const apps = await Promise.all([1, 2].map(() => createTestApp({ databaseUrl, upstream, started: true })));
    const order = async (index: number) =>
      (await apps[index]?.query(waitDocument, { input: anOrder }))?.data.submitVideo.task;
    const { onSubmit } = upstream;
    const slow = held(onSubmit);
    upstream.onSubmit = slow.answer;
    const first = order(0);
    await slow.arrived;
    const pausing = submissions(databaseUrl, 'pause');
    const isOver = () => Promise.race([pausing.then(() => true), sleep(4_000, false)]);
    expect(await isOver()).toBe(false);
    expect(await order(1)).toMatchObject({ status: 'WAITING', waiting: { reason: 'PAUSED' } });
    upstream.onSubmit = onSubmit;
    slow.release();
    expect(await first).toMatchObject({ status: 'QUEUED' });
    expect(await pausing).toMatchObject({ code: 0, stdout: expect.stringMatching(/is paused since .*\nWAITING: 1/) });
    const waiting = await Promise.all([order(0), order(1)]);
    await sleep(2_000);
    expect(upstream.submits).toHaveLength(1);
    expect(await submissions(databaseUrl, 'resume')).toMatchObject({ code: 0 });
    for (const { id } of waiting) {
      const read = async () => (await apps[0]?.query(statusDocument, { id }))?.data.videoTask.status;
      await expect.poll(read, { timeout: 20_000 }).toBe('COMPLETED');
    }
    await expect.poll(() => upstream.submits.length).toBe(4);
    expect((await submissions(databaseUrl, 'status')).stdout).toMatch(/Orders are sent .*\nWAITING: 0/);
  },
);

test('a command that is not one of them is answered with the usage', async () => {
  expect(await submissions(await freshDatabase('sqlite'), 'stop')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Usage'),
  });
});
