import { existsSync, mkdirSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { pascalCase } from '../../src/graphql/names.ts';
import { anOrder, submitDocument } from '../support/app.ts';
import { freshDatabase } from '../support/database.ts';
import { post, startService } from '../support/process.ts';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const installed = existsSync(executablePath);
if (!installed) console.warn(`SKIPPED: the browser test needs Chromium at ${executablePath} (or name it in CHROMIUM)`);

// Without these, Chromium spends its time on hosts that a closed network does not have.
const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];

let browser: Browser;
beforeAll(async () => {
  if (installed) browser = await chromium.launch({ executablePath, args: flags });
});
afterAll(() => browser?.close());

async function openPage(): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  onTestFinished(() => page.close());
  return page;
}

const startSandboxService = async () => startService({ DATABASE_URL: await freshDatabase() }, '--development');

test.skipIf(!installed)('GraphiQL opens offline with its tabs, and the submit tab orders a video', async () => {
  const { url } = await startSandboxService();
  const page = await openPage();
  const foreignRequests: string[] = [];
  page.on('request', (request) => {
    const requested = new URL(request.url());
    if (requested.protocol.startsWith('http') && requested.origin !== new URL(url).origin)
      foreignRequests.push(requested.href);
  });
  await page.goto(url);
  await page.getByTitle('GrokVideo3', { exact: true }).waitFor();
  const tabs = await page.locator('.graphiql-tab-button').allTextContents();
  expect(tabs).toEqual([...modelNames.map(pascalCase), 'Watch', 'List', 'Models']);
  expect(await page.getByText('SANDBOX').isVisible()).toBe(true);

  await page.getByRole('button', { name: /execute query/i }).click();
  await page.locator('.result-window').getByText('"status": "QUEUED"').waitFor();
  expect(foreignRequests).toEqual([]);

  mkdirSync('test/browser/screenshots', { recursive: true });
  await page.screenshot({ path: 'test/browser/screenshots/submit.png' });
});

test.skipIf(!installed)('the URL of a finished video plays', async () => {
  const { url } = await startSandboxService();
  const submitted = await post(url, submitDocument, { input: anOrder });
  const { id } = (await submitted.json()).data.submitVideo.task;
  const video = async () => {
    const response = await post(url, 'query ($id: ID!) { videoTask(id: $id) { video { url } } }', { id });
    return (await response.json()).data.videoTask.video;
  };
  await expect.poll(video, { timeout: 20_000, interval: 200 }).not.toBeNull();

  const page = await openPage();
  await page.setContent(`<video muted autoplay src="${(await video()).url}"></video>`);
  const playedSeconds = () =>
    page.locator('video').evaluate((element) => (element as unknown as { currentTime: number }).currentTime);
  await expect.poll(playedSeconds, { timeout: 10_000 }).toBeGreaterThan(0.5);
});
