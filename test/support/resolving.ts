import { type Answer, nothing, type TestApp } from './app.ts';

type Queries = Pick<TestApp, 'query'>;

const taskFields =
  'task { id status upstreamId submittedAt completedAt failure { code message retryable mayBeBilled } }';

export const confirm = ({ query }: Queries, id: string, upstreamId: string): Promise<Answer> =>
  query(
    `mutation ($id: ID!, $upstreamId: String!) { confirmVideoTask(id: $id, upstreamId: $upstreamId) { ${taskFields} } }`,
    { id, upstreamId },
  );

export const abandon = ({ query }: Queries, id: string): Promise<Answer> =>
  query(`mutation ($id: ID!) { abandonVideoTask(id: $id) { ${taskFields} } }`, { id });

export const resubmitDocument = /* GraphQL */ `
  mutation ($id: ID!, $key: String) {
    resubmitVideo(id: $id, idempotencyKey: $key, options: { whenBusy: FAIL }) {
      replayed
      task { id status upstreamId failure { code } resubmissionOf { id } }
    }
  }
`;

/** Orders again what a task had ordered. */
export const resubmit = ({ query }: Queries, id: string, key?: string): Promise<Answer> =>
  query(resubmitDocument, { id, key });

export const stateConflict = {
  data: nothing,
  errors: [{ extensions: { code: 'TASK_STATE_CONFLICT', retryable: false } }],
};

export const notFound = { data: nothing, errors: [{ extensions: { code: 'NOT_FOUND' } }] };

/** Ids under which there is no task. */
export const missingIds = ['01a20300-0000-7000-8000-000000000000', 'nonsense', ''];

/** The statuses of a task, as its watcher gets them. */
export async function* watchStatuses(
  { subscribe }: Pick<TestApp, 'subscribe'>,
  id: string,
): AsyncGenerator<string, void, void> {
  const document = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
  for await (const { data } of subscribe(document, { id })) yield data.videoTaskUpdated.status;
}
