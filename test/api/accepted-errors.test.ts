import { expect, test } from 'vitest';
import { anOrder, createTestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { placed } from '../support/placing.ts';
import { type Answer, halfBody, reply } from '../support/upstream.ts';

const video7 = { id: 'video_7', status: 'queued' };

/** Answers with an error status after which the order may have been accepted. */
const answers: [what: string, answer: Answer, status: string][] = [
  ['an id in a wrapper', reply(429, { code: 0, data: video7 }), 'QUEUED'],
  ['HTTP 400 and an id in a wrapper', reply(400, { code: 0, data: video7 }), 'QUEUED'],
  ['an id of a job', reply(429, { object: 'video', status: 'queued', job_id: 'j7' }), 'QUEUED'],
  ['an id in a video', reply(429, { video: { id: 'video_7' } }), 'QUEUED'],
  ['an id beside an error', reply(429, { code: 429, message: 'busy', data: { task_id: 'video_7' } }), 'UNCONFIRMED'],
  ['an id that is an object', reply(429, { id: { value: 'video_7' } }), 'UNCONFIRMED'],
  ['a word of a running task', reply(403, { data: { status: 'processing' } }), 'UNCONFIRMED'],
  ['a list of two tasks', reply(429, [video7, { id: 'video_8' }]), 'UNCONFIRMED'],
  ['an end inside the id', halfBody('{"object":"video","id":"vide', 429), 'UNCONFIRMED'],
  ['an end before the id', halfBody('{"object":"video","created":1,"mo', 429), 'UNCONFIRMED'],
];

test.each(answers)(
  'an order that is answered by an error status with %s is sent once ever',
  async (_, answer, status) => {
    for (const provider of databaseProviders) {
      const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
      app.upstream.onSubmit = answer;
      const first = await placed(app, anOrder, 'boat-1');
      expect(first).toMatchObject({ replayed: false, task: { status } });
      expect(await placed(app, anOrder, 'boat-1')).toEqual({ ...first, replayed: true });
      expect(app.upstream.submits).toHaveLength(1);
    }
  },
);
