import type { Observed } from '../tasks/upstream.ts';

/**
 * How the upstream, its relays and its neighbours word the same things. A new wording is a new line here: nothing else
 * in this directory knows a name or a word of theirs. Tables of names are in order of preference.
 */

/** Those of a failure that say by themselves that the content was refused. */
const refusalWords = [
  ...['rejected', 'refused', 'moderated', 'blocked', 'flagged', 'content_filtered', 'censored'],
  ...['content_moderated', 'request_moderated', 'moderation_failed', 'moderation_rejected', '审核不通过', '审核未通过'],
];

/** The words for each status, compared without case, spaces, hyphens and underscores. */
const wordsByStatus: Record<Exclude<Observed['status'], 'UNKNOWN'>, readonly string[]> = {
  QUEUED: [
    ...['queued', 'queueing', 'queuing', 'in_queue', 'pending', 'submitted', 'waiting', 'not_start', 'not_started'],
    ...['created', 'accepted', 'scheduled', 'throttled', 'preparing', 'initializing', '排队中', '等待中'],
  ],
  PROCESSING: [
    ...[
      'processing',
      'in_progress',
      'running',
      'generating',
      'rendering',
      'started',
      'dreaming',
      'working',
      'uploading',
    ],
    ...['处理中', '生成中', '进行中'],
  ],
  COMPLETED: [
    ...['completed', 'complete', 'succeeded', 'succeed', 'success', 'successful', 'done', 'finished', 'ready'],
    ...['成功', '已完成', '完成', '生成成功'],
  ],
  FAILED: [
    ...['failed', 'fail', 'failure', 'error', 'errored', 'expired', 'timeout', 'timed_out'],
    ...['失败', '已过期', '生成失败'],
    ...refusalWords,
  ],
  CANCELLED: ['cancelled', 'canceled', 'cancel', 'aborted', 'deleted', 'revoked', '已取消', '取消'],
};

/** Those that an envelope also says of the request that it answers, whatever it is about. */
const envelopeWords = ['success', 'ok', 'error', 'fail', 'failure'];

/** What some neighbours put before each of their words. */
const wordPrefixes = /^(?:taskstatus|jobstate|jobstatus|taskstate)/;

const maxWordLength = 100;

const comparable = (word: string): string =>
  word
    .slice(0, maxWordLength)
    .toLowerCase()
    .replace(/[\s_.-]+/g, '')
    .replace(wordPrefixes, '');

const statuses = new Map(
  Object.entries(wordsByStatus).flatMap(([status, words]) =>
    words.map((word) => [comparable(word), status as Observed['status']] as const),
  ),
);
const comparableRefusals = new Set(refusalWords.map(comparable));
const comparableEnvelopes = new Set(envelopeWords.map(comparable));

export const statusOfWord = (word: string): Observed['status'] => statuses.get(comparable(word)) ?? 'UNKNOWN';
export const isRefusalWord = (word: string): boolean => comparableRefusals.has(comparable(word));
export const isEnvelopeWord = (word: string): boolean => comparableEnvelopes.has(comparable(word));

/** Where a status stands. */
export const statusNames = ['status', 'state', 'task_status', 'taskStatus', 'job_status'];

/** What a task is wrapped in, once or twice. */
export const wrapperNames = ['data', 'result', 'task', 'output', 'response', 'Response', 'resultJson'];

/** What the task of an order is wrapped in; of a check these hold the video, whose id is a file's. */
export const orderWrapperNames = [...wrapperNames, 'video', 'job', 'generation'];

/** Names of a task's id. */
export const taskIdNames = [
  ...['id', 'task_id', 'taskId', 'TaskId', 'generation_id', 'generationId', 'video_id', 'videoId'],
  ...['job_id', 'jobId'],
];

/** Names of an id that is mostly the request's own. It counts as a task's only where there is no other and no error. */
export const requestIdNames = ['request_id', 'requestId'];

/** Links of a video and of nothing else, which therefore count under a word that is not known too. */
export const certainLinkPaths = pathsOf([
  'video_url',
  'videoUrl',
  'video.url',
  'videos[].url',
  'task_result.videos[].url',
  'video_url[]',
  'video_url.url',
  'video_urls[]',
  'videoUrls[]',
  'metadata.video_url',
  'assets.video',
  'video_result[].url',
  'creations[].url',
]);

/** Links that are the video's under a word that is known. */
export const linkPaths = [
  ...certainLinkPaths,
  ...pathsOf([
    'url',
    'output',
    'output[]',
    'outputs[]',
    'output.video_url',
    'output.url',
    'content.video_url',
    'video',
  ]),
  ...pathsOf([
    'videos[]',
    'video.video_url',
    'result',
    'result_url',
    'resultUrl',
    'download_url',
    'urls[]',
    'resultUrls[]',
    'metadata.url',
    'generated[]',
    'generated[].url',
    'fail_reason',
  ]),
];

/** The length in seconds. */
export const durationPaths = pathsOf([
  ...['actualDuration', 'actual_duration', 'duration', 'video.duration', 'videos[].duration'],
  ...['task_result.videos[].duration', 'seconds', 'duration_seconds'],
]);

/** Where a neighbour says that a video was held back by moderation: a `false` there. */
export const moderationPaths = pathsOf([
  'video.respect_moderation',
  'videos[].respect_moderation',
  'respect_moderation',
]);

/** Where a reason stands. */
export const reasonNames = [
  ...['error', 'errors', 'fail_reason', 'failReason', 'failure_reason', 'failureReason', 'failure', 'reason'],
  ...['task_status_msg', 'error_message', 'errorMessage', 'error_msg', 'errorMsg', 'err_msg', 'message', 'msg'],
  ...['title', 'detail', 'details', 'description'],
];

/** Where a code stands, beside a reason or in it. */
export const codeNames = [
  ...['code', 'type', 'error_code', 'errorCode', 'err_code', 'fail_code', 'failCode', 'failureCode', 'failure_code'],
  ...['status_code', 'statusCode', 'finish_reason'],
];

/** Where an envelope says how long to wait, in seconds. */
export const retryAfterNames = ['retry_after', 'retryAfter', 'retry_after_seconds', 'retryAfterSeconds'];

/** The codes, of numbers and of words, that say that nothing went wrong. */
export const fineCodes = new Set(['0', '200', '201', '202', '10000', '20000', 'ok', 'success', 'succeed', 'succeeded']);

/** What an `object` that is a task contains. */
export const taskObject = /video|task|generation/i;

/** `videos[].url`: the steps from field to field; `[]` is any of the list's first elements. */
export type Path = readonly string[];

function pathsOf(paths: readonly string[]): Path[] {
  return paths.map((path) => path.replaceAll('[]', '.[]').split('.'));
}
