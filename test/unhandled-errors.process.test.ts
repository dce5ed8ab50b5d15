import { expect, test } from 'vitest';
import { anOrder, submitDocument } from './support/app.ts';
import { freshDatabase } from './support/database.ts';
import { held } from './support/held-answer.ts';
import { post, startService } from './support/process.ts';
import { statusesIn } from './support/statuses.ts';
import { apiKey, reply, startUpstream } from './support/upstream.ts';

const throwing = (error: string) =>
  `--import=data:text/javascript,process.on('SIGUSR2',()=>{${encodeURIComponent(error)}})`;

test.each([
  ['an exception', "throw new Error('unforeseen')"],
  ['a rejection', "Promise.reject(new Error('unforeseen'))"],
])(
  '%s that is not handled ends the service in order, with the order under way and a line that says why',
  async (_, error) => {
    const upstream = await startUpstream();
    const submit = held(reply(200, { id: 'video_1', status: 'queued' }));
    upstream.onSubmit = submit.answer;
    const databaseUrl = await freshDatabase();
    const service = await startService({
      DATABASE_URL: databaseUrl,
      GROK_API_KEY: apiKey,
      GROK_API_BASE_URL: upstream.url,
      NODE_OPTIONS: throwing(error),
    });
    const answer = post(service.url, submitDocument, { input: anOrder });
    await submit.arrived;
    const ended = service.end('SIGUSR2');
    await expect.poll(service.log).toContain('unexpected error');
    submit.release();
    expect((await (await answer).json()).data.submitVideo.task).toMatchObject({
      status: 'QUEUED',
      upstreamId: 'video_1',
    });
    expect(await ended).toBe(1);
    const fatal = service
      .log()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ level }) => level === 60);
    expect(fatal).toMatchObject({ err: { message: 'unforeseen', stack: expect.stringContaining('unforeseen') } });
    expect(statusesIn(databaseUrl)).toEqual(['QUEUED']);
  },
);
