import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ModelName } from '../../src/catalogue/models.ts';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import type { TaskStatus } from '../../src/tasks/task.ts';
import { type Answer, anOrder, type TestApp } from './app.ts';
import { createTestDomain, minuteMs, ordersWith } from './domain.ts';
import { failing, localCaller } from './local-caller.ts';
import type { TrackedApp } from './tracked-app.ts';
import { reply, reset, status, type Answer as UpstreamAnswer, videoUrl } from './upstream.ts';

/** Orders with a key, and does not wait where the upstream takes no orders. */
export const placeDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!, $key: String) {
    submitVideo(input: $input, idempotencyKey: $key, options: { whenBusy: FAIL }) {
      replayed
      task { id status upstreamId failure { code } }
    }
  }
`;

/** Orders with an idempotency key, where one is given. */
export const place = ({ query }: Pick<TestApp, 'query'>, input: object, key?: string | null): Promise<Answer> =>
  query(placeDocument, { input, key });

export interface Placed {
  readonly replayed: boolean;
  readonly task: {
    readonly id: string;
    readonly status: TaskStatus;
    readonly upstreamId: string | null;
    readonly failure: { readonly code: string } | null;
  };
}

/** Orders, and returns the outcome of an order that is expected to yield a task. */
export async function placed(app: Pick<TestApp, 'query'>, input: object, key?: string | null): Promise<Placed> {
  const { data, errors } = await place(app, input, key);
  expect(errors).toBeUndefined();
  return data.submitVideo;
}

/** Sends a document with the HTTP header `Idempotency-Key`. */
export async function sendWithHeader(
  { app }: TestApp,
  key: string,
  document: string,
  variables: object = { input: anOrder },
): Promise<Answer> {
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'idempotency-key': key };
  const body = JSON.stringify({ query: document, variables });
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  return (await response.json()) as Answer;
}

/** Whether a promise stays pending for longer than a duplicate pauses between two looks at its original. */
export const isWaiting = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), sleep(500, true)]);

const taskDocument = /* GraphQL */ `
  query ($id: ID!) {
    videoTask(id: $id) {
      id status upstreamId upstreamStatus submittedAt lastCheckedAt completedAt
      video { url } failure { code message retryable mayBeBilled }
      history(first: 100) { edges { node { from to at cause upstreamStatus attempt } } }
      resubmissionOf { id } resubmissions { id }
    }
  }
`;

/** Everything of a task that a client can see change. */
export async function readTask({ query }: Pick<TestApp, 'query'>, id: string) {
  const { data, errors } = await query(taskDocument, { id });
  expect(errors).toBeUndefined();
  return data.videoTask;
}

export async function countTasks({ query }: Pick<TestApp, 'query'>): Promise<number> {
  const { data } = await query('{ videoTasks(first: 100) { edges { node { id } } } }');
  return data.videoTasks.edges.length;
}

/** The state after `kill -9`: a task whose order was about to be sent, and no process. Returns its id. */
export async function crashDuringSubmit(
  { upstream, databaseUrl, query }: TestApp,
  { idempotencyKey, now, model = 'GROK_VIDEO3' }: { idempotencyKey?: string; now: Date; model?: ModelName },
): Promise<string> {
  const { parts } = await createTestDomain(upstream, { databaseUrl, clock: { now } });
  const dead = { ...parts, upstream: { ...parts.upstream, submit: () => new Promise<never>(() => {}) } };
  const request = requestSchemas[model].parse({ prompt: 'A paper boat' });
  const submitting = '{ videoTasks(filter: { statuses: [SUBMITTING] }) { edges { node { id } } } }';
  const found = async () => (await query(submitting)).data.videoTasks.edges;
  void ordersWith(dead).submit(localCaller, { request, options: failing, idempotencyKey });
  await expect.poll(found).toHaveLength(1);
  return (await found())[0].node.id;
}

/** After so long the task of a dead process becomes UNCONFIRMED. */
export const leaseMs = minuteMs;

/** When the clock of a tracked app begins. */
export const begin = new Date('2026-11-22T12:00:00.000Z');

export const waitDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!, $key: String, $options: VideoOrderOptions) {
    submitVideo(input: $input, idempotencyKey: $key, options: $options) {
      replayed
      task { id status failure { code } waiting { reason ahead estimatedStartAt startBefore } }
    }
  }
`;

/** Orders from an upstream that takes no orders for a quarter of an hour; the next orders are accepted again. */
async function waitingTask({ query, upstream }: TestApp, input: object): Promise<string> {
  const { onSubmit } = upstream;
  upstream.onSubmit = reply(429, '', { 'retry-after': '900' });
  const { data } = await query(waitDocument, { input });
  upstream.onSubmit = onSubmit;
  return data.submitVideo.task.id;
}

const checkedAs: Partial<Record<TaskStatus, UpstreamAnswer>> = {
  PROCESSING: status('processing'),
  COMPLETED: status('completed', { video_url: videoUrl, actualDuration: 10 }),
  FAILED: status('failed', { error: 'The camera broke.' }),
  CANCELLED: status('cancelled'),
};

/** Orders, and brings the task into a state; the next orders are accepted again. Returns its id. */
export async function taskIn(taskStatus: TaskStatus, app: TrackedApp, input: object = anOrder): Promise<string> {
  if (taskStatus === 'SUBMITTING') return crashDuringSubmit(app, { now: begin });
  const { onSubmit } = app.upstream;
  if (taskStatus === 'WAITING') return waitingTask(app, input);
  if (taskStatus === 'UNCONFIRMED') app.upstream.onSubmit = reset;
  const id = await app.submit(input);
  app.upstream.onSubmit = onSubmit;
  const onCheck = checkedAs[taskStatus];
  if (onCheck) {
    app.upstream.onCheck = onCheck;
    app.untilNextCheck();
  }
  await expect.poll(async () => (await readTask(app, id)).status).toBe(taskStatus);
  return id;
}
