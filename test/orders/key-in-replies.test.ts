import { pino } from 'pino';
import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { createKeyFinder } from '../../src/upstream/key-finder.ts';
import { createTestDomain, ordersWith, trackerWith } from '../support/domain.ts';
import { failing, localCaller } from '../support/local-caller.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { apiKey, reply, startUpstream, status } from '../support/upstream.ts';

const document =
  'query ($id: ID!) { videoTask(id: $id) { status upstreamId video { url state } failure { message } } }';
const anyPercent = [...apiKey].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('');

const forms: [string, string][] = [
  ['as it is', apiKey],
  ['in capitals', apiKey.toUpperCase()],
  ['percent-encoded', anyPercent],
  ['percent-encoded twice', anyPercent.replaceAll('%', '%25')],
  ['in base64', Buffer.from(apiKey).toString('base64')],
  ['in base64 after something', Buffer.from(`Bearer ${apiKey}`).toString('base64url')],
];

test.each(forms)('a link that contains the key %s is kept to be fetched, and not shown', async (_, written) => {
  const app = await createTrackedApp();
  app.upstream.onCheck = status('completed', { video_url: `https://videos.example.com/1.mp4?key=${written}` });
  const id = await app.submit({ grokVideo3: { prompt: 'A paper boat' } });
  await app.untilEnded(id);
  const { videoTask } = (await app.query(document, { id })).data;
  expect(videoTask).toMatchObject({ status: 'COMPLETED', video: { url: null, state: 'WITHHELD' } });
});

test.each(forms)(
  'an id that contains the key %s is kept to be asked about, and shown and logged without it',
  async (_, written) => {
    const app = await createTrackedApp();
    const upstreamId = `video_${written}_7`;
    app.upstream.onSubmit = reply(200, { id: upstreamId });
    app.upstream.onCheck = status('processing');
    const id = await app.submit({ grokVideo3: { prompt: 'A paper boat' } });
    app.untilNextCheck();
    await expect.poll(() => app.upstream.checks).toContain(upstreamId);
    const answer = JSON.stringify(await app.query(document, { id }));
    expect(answer).toContain('[redacted]');
    expect(answer).not.toContain(written);
  },
);

test('an id that contains the key is in no log line, and in no message of a task that is given up', async () => {
  const upstream = await startUpstream();
  upstream.onSubmit = reply(200, { id: `video_${apiKey}` });
  upstream.onCheck = status('processing');
  const { parts, clock, find } = await createTestDomain(upstream);
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) });
  const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
  const { task } = await ordersWith({ ...parts, log }).submit(localCaller, { request, options: failing });
  clock.now = new Date(clock.now.getTime() + 30 * 3_600_000);
  await trackerWith({ ...parts, log }, { concurrency: 1, leaseMs: 1, pollMs: 1 }).checkDue();
  const given = await find(task.id);
  expect(given).toMatchObject({ failureCode: 'TRACKING_EXPIRED', upstreamId: `video_${apiKey}` });
  expect(given.failureMessage).toContain('video_[redacted]');
  expect(lines.join('')).toContain('video_[redacted]');
  expect(lines.join('')).not.toContain(apiKey);
});

test.each([
  ['https://user:pass@videos.example.com/1.mp4', 'https://videos.example.com/1.mp4'],
  [' https://videos.example.com/a\tb\n.mp4 ', 'https://videos.example.com/ab.mp4'],
  ['HTTPS://Videos.Example.com/ä b.mp4', 'https://videos.example.com/%C3%A4%20b.mp4'],
  ['https://videos.example.com/\u0001.mp4', 'https://videos.example.com/%01.mp4'],
])('the link %j is kept as %j', async (video_url, kept) => {
  const upstream = await startUpstream();
  upstream.onCheck = status('completed', { video_url });
  const { submit, advance, find } = await createTestDomain(upstream);
  const { id } = await submit();
  await advance(30_000);
  expect(await find(id)).toMatchObject({ status: 'COMPLETED', videoUrl: kept });
});

test('what only resembles the key stays as it is', () => {
  const { redact, holdsKey } = createKeyFinder(apiKey);
  for (const text of [apiKey.slice(1), apiKey.slice(0, -1), 'sk-test', `${apiKey.slice(0, 5)} ${apiKey.slice(5)}`]) {
    expect(redact(text)).toBe(text);
    expect(holdsKey(text)).toBe(false);
  }
});
