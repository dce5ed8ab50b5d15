import { expect, test } from 'vitest';
import { createTestDomain, hourMs } from '../support/domain.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { startUpstream, status } from '../support/upstream.ts';

/** When the check is made: thirty seconds after the submit. */
const completedAt = new Date('2026-11-22T12:00:30Z');
const inAnHour = new Date(completedAt.getTime() + hourMs);
const inADay = new Date(completedAt.getTime() + 24 * hourMs);
const unix = (date: Date): string => String(date.getTime() / 1_000);

test.each<[string, string, Date]>([
  ['nothing', '', inADay],
  ['Amazon', 'X-Amz-Date=20261122T120030Z&X-Amz-Expires=3600', inAnHour],
  ['Amazon, in lower case', 'x-amz-expires=3600&x-amz-date=20261122T120030Z', inAnHour],
  ['Google', 'X-Goog-Date=20261122T120030Z&X-Goog-Expires=3600', inAnHour],
  ['CloudFront', `Expires=${unix(inAnHour)}&Signature=x`, inAnHour],
  ['Alibaba', `OSSAccessKeyId=x&Expires=${unix(inAnHour)}`, inAnHour],
  ['Azure', `sv=2024-01-01&se=${encodeURIComponent('2026-11-22T13:00:30Z')}&sig=x`, inAnHour],
  ['Azure, with an offset', `se=${encodeURIComponent('2026-11-22T13:00:30+00:00')}&sig=x`, inAnHour],
  ['Volcengine', `x-expires=${unix(inAnHour)}&x-signature=x`, inAnHour],
  ['Qiniu', `e=${unix(inAnHour)}&token=x`, inAnHour],
  ['Tencent', `q-sign-time=${unix(completedAt)};${unix(inAnHour)}`, inAnHour],
  ["Alibaba's CDN", `auth_key=${unix(inAnHour)}-0-0-abc`, inAnHour],
  ['Akamai', `hdnts=st=1~exp=${unix(inAnHour)}~acl=/*~hmac=x`, inAnHour],
  ['ExpiresAt', `ExpiresAt=${unix(inAnHour)}`, inAnHour],
  ['expiration', `expiration=${unix(inAnHour)}`, inAnHour],
  ['milliseconds', `expires=${inAnHour.getTime()}`, inAnHour],
  ['two of them, by the earlier', `Expires=${unix(inADay)}&se=2026-11-22T13:00:30Z`, inAnHour],
  ['more than a day', `Expires=${unix(new Date(inADay.getTime() + hourMs))}`, inADay],
  ['a time that has passed', 'X-Amz-Date=20261122T100000Z&X-Amz-Expires=3600', inADay],
  ['the beginning of time', 'Expires=1', inADay],
  ['a word', 'Expires=never', inADay],
  ['no number', 'X-Amz-Date=20261122T120030Z&X-Amz-Expires=1e300', inADay],
  ['no date', 'X-Amz-Date=yesterday&X-Amz-Expires=3600', inADay],
  ['an impossible date', 'se=2026-13-45T99:99:99Z', inADay],
  ['a number without end', `Expires=${'9'.repeat(3_000)}`, inADay],
])('a link that is signed as %s does it stops working when that says, or after a day', async (_, query, expiresAt) => {
  const upstream = await startUpstream();
  upstream.onCheck = status('completed', { video_url: `https://videos.example.com/1.mp4?${query}` });
  const { submit, advance, find } = await createTestDomain(upstream);
  const { id } = await submit();
  await advance(30_000);
  expect(await find(id)).toMatchObject({ status: 'COMPLETED', completedAt, videoExpiresAt: expiresAt });
});

test('a signed link is shown until it stops working', async () => {
  const app = await createTrackedApp();
  const link = 'https://videos.example.com/1.mp4?X-Amz-Date=20261122T120000Z&X-Amz-Expires=3600';
  app.upstream.onCheck = status('completed', { video_url: link });
  const id = await app.submit({ grokVideo3: { prompt: 'A paper boat' } });
  await app.untilEnded(id);
  const video = async () => {
    const document = 'query ($id: ID!) { videoTask(id: $id) { video { url state expiresAt } } }';
    return (await app.query(document, { id })).data.videoTask.video;
  };
  const expiresAt = '2026-11-22T13:00:00.000Z';
  expect(await video()).toEqual({ url: link, state: 'AVAILABLE', expiresAt });
  app.setTime(expiresAt);
  expect(await video()).toEqual({ url: null, state: 'EXPIRED', expiresAt });
});
