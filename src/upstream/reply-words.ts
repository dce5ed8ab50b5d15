import type { Observed } from '../tasks/upstream.ts';

/**
 * The names and words that the upstream, relays and similar APIs use for the same things. To support a new wording, add
 * a line here: no other file of this room contains such a name or word. Lists of names are in order of preference.
 */

/** Words for a failure that mean refused content. */
const refusalWords = [
  ...['rejected', 'refused', 'moderated', 'blocked', 'flagged', 'content_filtered', 'censored'],
  ...['content_moderated', 'request_moderated', 'moderation_failed', 'moderation_rejected', '审核不通过', '审核未通过'],
];

/** The words for each status. They are compared without case, spaces, hyphens, underscores and dots. */
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

/** Words that an envelope also uses, for the request that it answers. */
const envelopeWords = ['success', 'ok', 'error', 'fail', 'failure'];

/** Prefixes that some APIs put before each word. */
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

/** Names of the status. */
export const statusNames = ['status', 'state', 'task_status', 'taskStatus', 'job_status'];

/** Names of fields that wrap a task, once or twice. */
export const wrapperNames = ['data', 'result', 'task', 'output', 'response', 'Response', 'resultJson'];

/**
 * Names of fields that wrap the task in the reply to an order. In the reply to a check the last three hold the video,
 * whose id is a file's.
 */
export const orderWrapperNames = [...wrapperNames, 'video', 'job', 'generation'];

/** Names of a task's id. */
export const taskIdNames = [
  ...['id', 'task_id', 'taskId', 'TaskId', 'generation_id', 'generationId', 'video_id', 'videoId'],
  ...['job_id', 'jobId'],
];

/**
 * Names that mostly hold the id of the request. Such an id counts as a task's only where there is no other id and no
 * error.
 */
export const requestIdNames = ['request_id', 'requestId'];

/** Paths that hold nothing but the link of the video, so they count beside an unknown status too. */
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

/** Paths that hold the link of the video beside a known status. */
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

/** Paths of the video's length in seconds. */
export const durationPaths = pathsOf([
  ...['actualDuration', 'actual_duration', 'duration', 'video.duration', 'videos[].duration'],
  ...['task_result.videos[].duration', 'seconds', 'duration_seconds'],
]);

/** Paths at which some APIs report, by a `false`, that moderation held the video back. */
export const moderationPaths = pathsOf([
  'video.respect_moderation',
  'videos[].respect_moderation',
  'respect_moderation',
]);

/** Names of a reason. */
export const reasonNames = [
  ...['error', 'errors', 'fail_reason', 'failReason', 'failure_reason', 'failureReason', 'failure', 'reason'],
  ...['task_status_msg', 'error_message', 'errorMessage', 'error_msg', 'errorMsg', 'err_msg', 'message', 'msg'],
  ...['title', 'detail', 'details', 'description'],
];

/** Names of a code, beside a reason or inside it. */
export const codeNames = [
  ...['code', 'type', 'error_code', 'errorCode', 'err_code', 'fail_code', 'failCode', 'failureCode', 'failure_code'],
  ...['status_code', 'statusCode', 'finish_reason'],
];

/** Names of a wait, in seconds. */
export const retryAfterNames = ['retry_after', 'retryAfter', 'retry_after_seconds', 'retryAfterSeconds'];

/** Codes that mean success. */
export const fineCodes = new Set(['0', '200', '201', '202', '10000', '20000', 'ok', 'success', 'succeed', 'succeeded']);

/** Matches the value of `object` in a task. */
export const taskObject = /video|task|generation/i;

/** The steps from field to field, as in `videos[].url`. `[]` stands for any of the first elements of a list. */
export type Path = readonly string[];

function pathsOf(paths: readonly string[]): Path[] {
  return paths.map((path) => path.replaceAll('[]', '.[]').split('.'));
}
