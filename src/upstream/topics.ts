import type { Topic } from '../tasks/upstream.ts';

/** Codes of each topic, compared without case and separators. A code counts more than a text. */
const codes: Record<Topic, readonly string[]> = {
  CONTENT: [
    ...['content_policy_violation', 'content_policy', 'content_filter', 'content_filtered', 'content_moderation'],
    ...['content_moderation_failed', 'content_refused', 'content_rejected', 'content_violation', 'content_blocked'],
    ...['moderation_blocked', 'moderation_failed', 'moderation_rejected', 'moderation_refused', 'moderated', 'flagged'],
    ...['input_moderation', 'output_moderation', 'prompt_moderation', 'image_moderation', 'video_moderation'],
    ...['policy_violation', 'usage_policy_violation', 'safety_violation', 'safety', 'safety_block', 'unsafe_content'],
    ...['prohibited_content', 'sensitive_content', 'sensitive_word_detected', 'sensitive_words_detected', 'nsfw'],
    ...[
      'nsfw_content',
      'nsfw_detected',
      'data_inspection_failed',
      'inappropriate_content',
      'responsible_ai_policy_violation',
    ],
    ...['input_image_sensitive_content_detected', 'input_text_sensitive_content_detected', 'copyright_violation'],
    ...['output_video_sensitive_content_detected', 'risk_control', 'image_safety', 'prohibited', 'blocklist', 'spii'],
    ...['safety_check_type_data_leakage', 'safety.input.text', 'safety.input.image', 'safety.output.video'],
  ],
  CREDIT: [
    ...[
      'insufficient_quota',
      'insufficient_user_quota',
      'insufficient_balance',
      'insufficient_credit',
      'payment_required',
    ],
    ...[
      'insufficient_credits',
      'insufficient_funds',
      'insufficient_account_balance',
      'balance_not_enough',
      'no_credits',
      'credit_insufficient',
      'exhausted_balance',
    ],
    ...[
      'not_enough_credits',
      'credits_exhausted',
      'credit_exhausted',
      'out_of_credits',
      'quota_not_enough',
      'arrearage',
    ],
    ...['account_overdue', 'account_arrears', 'overdue_payment', 'billing_hard_limit_reached', 'billing_not_active'],
    ...[
      'pre_consume_token_quota_failed',
      'insufficient_token_quota',
      'insufficient_user_balance',
      'user_quota_exhausted',
    ],
  ],
  RATE: [
    ...['rate_limit', 'rate_limit_exceeded', 'rate_limit_error', 'rate_limited', 'too_many_requests', 'throttled'],
    ...['throttling', 'resource_exhausted', 'concurrency_limit', 'concurrency_limit_exceeded', 'requests_limit'],
    ...['limit_requests', 'queue_full', 'server_busy', 'overloaded', 'overloaded_error', 'engine_overloaded'],
  ],
  ACCESS: [
    ...[
      'invalid_api_key',
      'incorrect_api_key',
      'unauthorized',
      'unauthenticated',
      'permission_denied',
      'access_denied',
    ],
    ...['forbidden', 'invalid_token', 'token_expired', 'authentication_error', 'authentication_failed', 'invalid_key'],
    ...['permission_error', 'account_deactivated', 'ip_not_allowed', 'model_not_allowed'],
  ],
};

/**
 * Phrases of each topic, matched against text in lower case with single spaces. Each expression takes linear time,
 * because none of its gaps is unbounded.
 */
const phrases: Record<Topic, readonly RegExp[]> = {
  CREDIT: [
    /\binsufficient (?:\w{1,20} ){0,2}(?:quota|balance|credits?|funds)\b/,
    /\b(?:quota|balance|credits?|funds) (?:is|are|was) (?:insufficient|exhausted|depleted|used up|too low|not enough)\b/,
    /\b(?:exhausted|used all available|purchase more|not have enough|not have any|doesn't have any) (?:balance|credits?)\b/,
    /\b(?:balance|credits?|quota) not enough\b|\bmonthly spending limit\b/,
    /\b(?:out of|not enough|no remaining|no more) (?:\w{1,20} )?(?:credits?|balance|funds)\b/,
    /\bexceeded your current quota\b|\bpayment required\b|\boverdue (?:balance|payment|invoice)\b/,
    /\bbilling hard limit\b|\baccount (?:is )?in arrears\b|\btop up your\b/,
    /(?:余额|额度|配额|积分|点数)(?:已)?(?:不足|不够|用尽|耗尽|用完)|欠费|请充值|预扣费/,
  ],
  RATE: [
    /\brate[ -]?limit|\btoo many (?:requests|concurrent|tasks|calls)\b|\bthrottl(?:ed|ing)\b|\brequests per \w{1,10}\b/,
    /(?:^|\bplease )slow down\b|\bconcurren(?:cy|t \w{1,12}) limit|\btoo frequent(?:ly)?\b|\b(?:requests?|calls?|submitting|sending) (?:\w{1,15} ){0,3}too fast\b|\bserver (?:is )?busy\b|\boverloaded\b/,
    /请求过多|过于频繁|频率|限流|并发|繁忙/,
  ],
  CONTENT: [
    /\bcontent[ _-](?:policy|policies|filter|filters|moderation|guidelines?|violation|review)\b|\bcontent[ _-]?safety\b/,
    /\b(?:community|usage|safety) (?:policy|policies|guidelines?|standards|rules)\b|\bacceptable use\b/,
    /\b(?:safety|moderation) (?:system|filters?|checks?|checkers?|classifiers?|reasons?|review|concerns?)\b/,
    /\bmoderat(?:ed|ion|or)\b|\bnsfw\b|\bnudity\b|\bporn\w{0,10}\b|\bsexual(?:ly)?\b|\bresponsible ai\b/,
    /\b(?:sensitive|prohibited|disallowed|harmful|unsafe|explicit|inappropriate|violent|offensive|objectionable) (?:\w{1,15} )?(?:content|material|words?|imagery|images?|prompts?|language|text|information|topics?)\b(?![ -]?(?:types?|formats?|encoding|length))/,
    /\b(?:prompt|image|images|video|content|input|output|text)s? (?:\w{1,15} ){0,4}(?:flagged|prohibited|inappropriate|not allowed by|disallowed)\b/,
    /\b(?:checker|classifier|filter|moderator|safety) (?:\w{1,15} ){0,3}flagged\b|\bflagged (?:\w{1,15} ){0,3}(?:content|prompt|image|video|input|output|inappropriate|unsafe|sensitive|harmful)\b/,
    /\bviolat(?:es?|ed|ing|ion of|ions of) (?:[\w']{1,15} ){0,5}(?:polic(?:y|ies)|guidelines?|terms of (?:use|service)|community standards)\b/,
    /\bcopyright(?:ed)?\b|\bpublic figures?\b|\breal (?:person|people)\b|\bhate speech\b|\brisk control system\b|\bminors\b/,
    /违规|违禁|敏感(?:词|内容|信息)|涉敏|涉黄|涉政|涉暴|色情|不合规|不当内容|不良信息|侵权|版权|内容安全|风控|未成年/,
    /(?:审核|审查)(?:未|不|没有|拒绝|失败|结果为拒)|未(?:能)?通过(?:\S{0,8})(?:审核|审查)|违反\S{0,8}(?:政策|规定|规范|准则|条例)/,
  ],
  ACCESS: [
    /\bapi[ _-]?key\b|\bunauthori[sz]ed\b|\bforbidden\b|\baccess denied\b|\bpermissions?\b|\bauthenticat(?:e|ed|ion)\b/,
    /\b(?:invalid|expired) token\b|\btoken (?:is |has )?(?:invalid|expired)\b|令牌|密钥|未授权|无权|鉴权|权限/,
  ],
};

/**
 * Phrases that are not about refused content although their words sound like it: policies of traffic, and failures of
 * the moderation service itself.
 */
const notContent = [
  /\b(?:rate|limit|limits|limiting|retention|password|access|network|security|quota|cors|fair|fair use|usage limit|firewall|billing|cache|caching|lifecycle|concurrency|retry|backoff|scaling|schema|routing|origin) polic(?:y|ies)\b/,
  /\b(?:unavailable|timed? ?out|timeouts?|unreachable|overloaded|queue(?:d| is full)?|pending|awaiting|waiting|in progress|not responding|did not respond|connection)\b/,
  /\b(?:service|server|internal|unexpected|backend|upstream) (?:error|failure|exception)\b|\b(?:passed|passes) (?:\w{1,15} )?(?:moderation|review|safety)\b/,
  /\b(?:moderation|safety|review) (?:\w{1,15} )?(?:passed|ok|disabled|skipped|not configured|crashed)\b|\bfail(?:ed|ure) to (?:start|load|reach|connect|call|run)\b/,
  /^(?:running|performing|executing|starting|applying|checking|scanning|reviewing|moderating|step \d)/,
  /\b(?:under|being|undergoing) (?:\w{1,15} ){0,2}(?:moderat(?:ion|ed)|review(?:ed)?|check(?:ed)?|verification)\b|\bunder way\b|\bunderway\b|\bongoing\b/,
  /\bstill (?:under|being|in|running|pending|processing|checking|moderating)\b|\b(?:not|n't) (?:yet )?(?:ready|done|available|complete|completed|finish|finished|started)\b/,
  /\b(?:crash(?:ed|es)?|oom|exhausted|missing|weights?|encoder|restarting|stopped|for retry|(?:returned|responded with|http|status) [45]\d\d)\b/,
  /\b(?:node|service|server|api|checker|detector|classifier|worker|model|system|moderator|is|are|went|goes) down\b/,
  /\b(?:account|organi[sz]ation|team|subscription|ip|ip address|api key|key|token) (?:\w{1,12} ){0,3}(?:suspended|banned|disabled|blocked|deactivated|terminated|restricted|locked|violat(?:es?|ed|ing))\b/,
  /\bcopyright (?:\(c\)|©|\d{4})|\ball rights reserved\b|\bforeign key\b|\bconstraint\b/,
  /(?:服务|系统|接口|网络|节点|模块)(?:发生|出现|调用)?(?:异常|错误|故障|失败)|正在(?:进行)?(?:内容)?(?:审核|审查|检测)/,
  /\bdeprecated\b|\bcredentials?\b|\bapi key\b|\bpassword\b/,
  /超时|不可用|繁忙|审核中|待审核|排队/,
];

/** How many characters of a text are searched. */
const maxTextLength = 2_000;

const comparableCode = (code: string): string =>
  code
    .slice(0, 100)
    .toLowerCase()
    .replace(/[\s_.-]+/g, '');

const topics: readonly Topic[] = ['CREDIT', 'RATE', 'CONTENT', 'ACCESS'];
const topicOfCode = new Map(
  topics.flatMap((topic) => codes[topic].map((code) => [comparableCode(code), topic] as const)),
);

/** The topic of an answer, by its codes first and by its texts second. */
export function topicOf(saidCodes: readonly string[], texts: readonly string[]): Topic | null {
  // Some APIs have no field for a code and write it in the place of the text.
  for (const code of [...saidCodes, ...texts.filter((text) => text.length <= 100)]) {
    const topic = topicOfCode.get(comparableCode(code));
    if (topic) return topic;
  }
  const plain = texts.map((text) => text.slice(0, maxTextLength).toLowerCase().replace(/\s+/g, ' '));
  return topics.find((topic) => plain.some((text) => isAbout(topic, text))) ?? null;
}

function isAbout(topic: Topic, text: string): boolean {
  if (!phrases[topic].some((phrase) => phrase.test(text))) return false;
  return topic !== 'CONTENT' || !notContent.some((phrase) => phrase.test(text));
}
