/** Parameters of signed links that expire a number of seconds after the time of their signature. */
const relativeExpiries = ['x-amz', 'x-goog', 'x-oss', 'x-tos', 'x-obs'].map((prefix) => ({
  date: `${prefix}-date`,
  seconds: `${prefix}-expires`,
}));

/** Parameters of signed links that hold the time of expiry: CloudFront, Google, Alibaba, Azure. */
const absoluteExpiries = [
  'expires',
  'expire',
  'expiry',
  'expires_at',
  'expiresat',
  'expiration',
  'exp',
  'se',
  'x-expires',
  'e',
];

/** Parameters that hold the time of expiry, in Unix time, beside other things: Tencent, Alibaba's CDN, Akamai. */
const writtenExpiries: [name: string, within: RegExp][] = [
  ['q-sign-time', /;(\d{9,11})$/],
  ['auth_key', /^(\d{9,11})-/],
  ['hdnts', /(?:^|~)exp=(\d{9,11})/],
];

/** How many parameters of a link are read. */
const maxParameters = 100;

/** A time further ahead than this is taken for something other than an expiry. */
const maxAheadMs = 10 * 366 * 24 * 60 * 60_000;

/**
 * When a signed link expires, by its own parameters; null where none of them holds a plausible time. A time before
 * `given`, when the upstream gave the link, is not plausible: one of the clocks is wrong, and believing it would hide a
 * paid video.
 */
export function linkExpiry(link: string, given: Date): Date | null {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URL(link).searchParams) {
    if (parameters.size < maxParameters) parameters.set(name.toLowerCase(), value);
  }
  const named = [
    ...relativeExpiries.map(({ date, seconds }) => momentAfter(parameters.get(date), parameters.get(seconds))),
    ...absoluteExpiries.map((name) => momentOf(parameters.get(name))),
    ...writtenExpiries.map(([name, within]) => momentOf(within.exec(parameters.get(name) ?? '')?.[1])),
  ];
  const believed = named.filter((ms) => ms > given.getTime() && ms <= given.getTime() + maxAheadMs);
  return believed.length > 0 ? new Date(Math.min(...believed)) : null;
}

function momentAfter(date = '', seconds = ''): number {
  return /^\d{1,9}$/.test(seconds) ? momentOf(date) + Number(seconds) * 1_000 : Number.NaN;
}

/** Unix time in seconds or milliseconds, or ISO 8601 with or without separators; NaN where it is neither. */
function momentOf(text = ''): number {
  if (/^\d{9,11}$/.test(text)) return Number(text) * 1_000;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)?(?:\.\d{1,9})?(?:Z|[+ ]00:00)$/.exec(text) ?? [];
  if (year) return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second ?? '00'}Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
}
