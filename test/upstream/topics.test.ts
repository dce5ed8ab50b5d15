import { expect, test } from 'vitest';
import { topicOf } from '../../src/upstream/topics.ts';

const refusalsOfContent = [
  'Generated video rejected by content moderation.',
  'Content moderation: the prompt violates the policy',
  'rejected by SAFETY system',
  'sensitive content',
  'NSFW image',
  'Your request was rejected as a result of our safety system.',
  'The prompt was flagged as inappropriate.',
  'The image checker flagged it.',
  'Input image flagged by classifier',
  'This request violates our usage policies.',
  "The prompt violates xAI's acceptable use policy.",
  'Violates community guidelines',
  'Prompt contains prohibited content',
  'Your prompt contains sensitive words',
  'The video contains copyrighted material.',
  'The generated video was moderated',
  'blocked by content filter',
  'Failure to pass the risk control system',
  'Sexually explicit material is not allowed',
  'Output video may contain sensitive information.',
  'Depicts a public figure',
  'Content policy violation',
  'harmful content detected',
  'This generation violates the terms of service.',
  'Request rejected by content_filter',
  '内容审核未通过',
  '提示词包含敏感词',
  '图片涉嫌违规',
  '视频未通过审核',
  '内容不合规，请修改后重试',
  '违反平台内容规范',
  'The prompt is not allowed under our content policy.',
  'The prompt still contains prohibited content',
  '内容违规，错误码：10013',
  'The user prompt violates our usage policies.',
];

const noRefusalsOfContent = [
  'out of memory',
  'upstream worker lost',
  'Too many requests',
  'Request violates the rate limit policy',
  'duplicate key value violates unique constraint "tasks_pkey"',
  'insert violates foreign key constraint',
  'null value violates not-null constraint',
  'The scheduler is sensitive to load',
  'Model names are case-sensitive',
  'blocked by upstream firewall',
  'Blocked by Cloudflare',
  'blocked by CORS policy',
  'safety timeout exceeded',
  'Safety checker timed out',
  'Content moderation service unavailable',
  'The moderation queue is full',
  'Awaiting moderation',
  'connection to the moderation service was lost',
  'Inappropriate ioctl for device',
  'Unsupported content-type',
  'Unsafe integer in field duration',
  'Retention policy removed the file',
  'Access violation reading location 0x0',
  'The request was aborted by a policy of the network',
  'Retry policy exhausted',
  'feature flagged off for this account',
  'This method is prohibited',
  'moderate load, try later',
  'GPU worker crashed in the model server',
  'invalid task id format',
  'Moderation passed, render failed',
  'video model flagged as deprecated',
  'Prohibited content type',
  'illegal image format',
  'image content could not be decoded',
  'sensitive information such as the api key was removed',
  '审核服务超时',
  '系统繁忙，请稍后再试',
  '生成失败',
  'Running safety checks on your video',
  'Performing content moderation',
  'Video is still under moderation',
  'The video is under content review',
  'Content review has not finished yet',
  'Content moderation result is not ready',
  'The image is being moderated',
  'Content moderation is still running',
  'Moderator node down',
  'nsfw detector OOM',
  'nsfw detector crashed',
  'Image moderation API returned 500',
  'Safety classifier responded with 503',
  '内容安全服务异常',
  '风控系统异常',
  '内容安全接口调用失败',
  '正在进行内容审核',
  'violates foreign key policy',
  'minors exhausted',
  'safety checker model weights missing',
  'explicit text encoder failed',
  'video flagged for retry',
  'Your account was suspended for violating our terms of service.',
  'The API key was disabled for violating our usage policies',
  '403 Forbidden. Copyright (c) 2026 Example Inc.',
  'Copyright © 2026',
  'Your IP violates our acceptable use rules',
  'Your IP address has been blocked by our content filter',
];

test.each(refusalsOfContent)('"%s" is about content', (text) => {
  expect(topicOf([], [text])).toBe('CONTENT');
});

test.each(noRefusalsOfContent)('"%s" is not about content', (text) => {
  expect(topicOf([], [text])).not.toBe('CONTENT');
});

test.each([
  ['content_policy_violation', 'CONTENT'],
  ['CONTENT-FILTER', 'CONTENT'],
  ['moderation_blocked', 'CONTENT'],
  ['ContentPolicyViolation', 'CONTENT'],
  ['insufficient_quota', 'CREDIT'],
  ['insufficient_user_quota', 'CREDIT'],
  ['Arrearage', 'CREDIT'],
  ['CreditInsufficient', 'CREDIT'],
  ['rate_limit_exceeded', 'RATE'],
  ['RESOURCE_EXHAUSTED', 'RATE'],
  ['invalid_api_key', 'ACCESS'],
  ['invalid_request_error', null],
  ['server_error', null],
])('the code %s is about %s, with any words beside it', (code, topic) => {
  expect(topicOf([code], ['Request rejected.'])).toBe(topic);
});

test.each([
  'You exceeded your current quota, please check your plan and billing details.',
  'Insufficient balance',
  'Your account has insufficient credits',
  'user quota is not enough',
  'Not enough credits to run this model',
  'Your credit balance is too low',
  '用户余额不足',
  '令牌额度不足',
  '账户已欠费',
  '预扣费额度失败, 用户剩余额度: 0',
  'Your team 1 has either used all available credits or reached its monthly spending limit.',
  "Your newly created team doesn't have any credits yet. You can purchase credits on https://console.example.com",
  'Account balance not enough',
  'You do not have enough credits to run this task.',
  'User is locked. Reason: Exhausted balance.',
])('"%s" is about credit', (text) => {
  expect(topicOf([], [text])).toBe('CREDIT');
});

test.each(["invalid prompt: 'a car driving too fast'", "invalid prompt: 'the boats slow down'"])(
  '"%s" is about nothing that is known',
  (text) => {
    expect(topicOf([], [text])).toBeNull();
  },
);

test.each([
  'Rate limit reached',
  '请求过于频繁',
  'Quota exceeded: 60 requests per minute',
  'You are sending requests too fast',
])('"%s" is about rates', (text) => {
  expect(topicOf([], [text])).toBe('RATE');
});

test('the words of a megabyte are not all looked at', () => {
  expect(topicOf([], [`${'a '.repeat(500_000)} content moderation`])).toBeNull();
});
