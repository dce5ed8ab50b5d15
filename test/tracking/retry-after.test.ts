import { expect, test } from 'vitest';
import { type FailureCode, failures } from '../../src/tasks/failures.ts';
import { anOrder, createTestApp } from '../support/app.ts';
import { type Answer, reply } from '../support/upstream.ts';

const document = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!) {
    submitVideo(input: $input, options: { whenBusy: FAIL }) { task { status failure { code retryable retryAfterSeconds } } }
  }
`;

test.each<[string, Answer, FailureCode, number | null]>([
  ['a header', reply(429, '', { 'retry-after': '7' }), 'UPSTREAM_RATE_LIMITED', 7],
  [
    'a header of a thousand million seconds',
    reply(429, '', { 'retry-after': '1000000000' }),
    'UPSTREAM_RATE_LIMITED',
    86_400,
  ],
  ['garbage', reply(429, '', { 'retry-after': 'soon' }), 'UPSTREAM_RATE_LIMITED', null],
  ['nothing', reply(429), 'UPSTREAM_RATE_LIMITED', null],
  ['the body', reply(429, { error: { message: 'busy', retry_after: 2.5 } }), 'UPSTREAM_RATE_LIMITED', 3],
  ['HTTP 503', reply(503, '', { 'retry-after': '30' }), 'SUBMISSION_UNCONFIRMED', 30],
  ['credit by HTTP 429', reply(429, { error: { code: 'insufficient_quota' } }), 'UPSTREAM_PAYMENT_REQUIRED', null],
  ['credit by HTTP 403', reply(403, { error: { code: 'insufficient_user_quota' } }), 'UPSTREAM_PAYMENT_REQUIRED', null],
  ['credit in Chinese', reply(403, { message: '用户额度不足' }), 'UPSTREAM_PAYMENT_REQUIRED', null],
  ['rates by HTTP 403', reply(403, { error: 'rate limit exceeded' }), 'UPSTREAM_RATE_LIMITED', null],
  ['content by HTTP 403', reply(403, { error: 'rejected by content moderation' }), 'UPSTREAM_REFUSED', null],
])(
  'an order that is answered with %s says when to come back, as the upstream does',
  async (_, answer, code, seconds) => {
    const { query, upstream } = await createTestApp();
    upstream.onSubmit = answer;
    const { data } = await query(document, { input: anOrder });
    const { retryable } = failures[code];
    expect(data.submitVideo.task.failure).toEqual({ code, retryable, retryAfterSeconds: seconds });
  },
);

test('an order that is limited after it was accepted is followed, and sent once', async () => {
  const { query, upstream } = await createTestApp();
  upstream.onSubmit = reply(429, { id: 'video_7' }, { 'retry-after': '1' });
  const { data } = await query(document, { input: anOrder });
  expect(data.submitVideo.task).toEqual({ status: 'QUEUED', failure: null });
  expect(upstream.submits).toHaveLength(1);
});
