import { existsSync, mkdirSync } from 'node:fs';
import { type Browser, chromium, type Page, type Request } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { pascalCase } from '../../src/graphql/names.ts';
import { anOrder, submitDocument } from '../support/app.ts';
import { freshDatabase } from '../support/database.ts';
import { post, startService } from '../support/process.ts';
import { apiKey, startUpstream } from '../support/upstream.ts';

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

const tabNames = ['Models', 'List', 'Watch', ...modelNames.map(pascalCase)];

const run = (page: Page) => page.getByRole('button', { name: /execute query/i }).click();

/** Runs what the open tab shows, and returns the name of the operation and the headers that are sent to the service. */
async function sentBy(page: Page): Promise<{ operationName: string | undefined; headers: Record<string, string> }> {
  const [request] = await Promise.all([
    page.waitForRequest((sent) => !documentIn(sent).includes('IntrospectionQuery') && documentIn(sent) !== ''),
    run(page),
  ]);
  const [, operationName] = /(?:query|mutation|subscription) (\w+)/.exec(documentIn(request)) ?? [];
  return { operationName, headers: request.headers() };
}

/** The document that a request sends, in its body or, as GraphiQL subscribes, in its URL. */
function documentIn(request: Request): string {
  const { query = '' } = (request.postDataJSON() ?? {}) as { query?: string };
  return query || (new URL(request.url()).searchParams.get('query') ?? '');
}

/** A click as of a finger: at the place where the tab was seen, be it there still or not. */
async function clickTab(page: Page, name: string): Promise<void> {
  const box = await page.getByTitle(name, { exact: true }).boundingBox();
  if (!box) throw new Error(`There is no tab ${name}.`);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
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
  expect(tabs).toEqual(tabNames);
  expect(await page.locator('.banner').allTextContents()).toEqual([
    expect.stringMatching(/^SANDBOX: .*nothing is paid/),
  ]);

  await page.getByTitle('GrokVideo3', { exact: true }).click();
  await run(page);
  await page.locator('.result-window').getByText('"status": "QUEUED"').waitFor();
  expect(foreignRequests).toEqual([]);

  mkdirSync('test/browser/screenshots', { recursive: true });
  await page.screenshot({ path: 'test/browser/screenshots/submit.png' });
});

test.skipIf(!installed)('the link of a stored video plays, and can be sought', async () => {
  const { url } = await startSandboxService();
  const submitted = await post(url, submitDocument, { input: anOrder });
  const { id } = (await submitted.json()).data.submitVideo.task;
  const linkOf = async () => {
    const response = await post(url, 'query ($id: ID!) { videoTask(id: $id) { video { url } } }', { id });
    return (await response.json()).data.videoTask.video?.url;
  };
  await expect.poll(linkOf, { timeout: 30_000, interval: 200 }).toMatch(new RegExp(`^${new URL(url).origin}/files/`));

  const page = await openPage();
  const ranges: string[] = [];
  page.on('request', async (request) => void ranges.push((await request.allHeaders())['range'] ?? ''));
  await page.setContent(`<video muted autoplay src="${await linkOf()}"></video>`);
  const playedSeconds = async () => Number(await page.evaluate('document.querySelector("video").currentTime'));
  await expect.poll(playedSeconds, { timeout: 10_000 }).toBeGreaterThan(0.5);
  const end = Number(await page.evaluate('document.querySelector("video").duration')) - 0.5;
  await page.evaluate(`document.querySelector("video").currentTime = ${end}`);
  await expect.poll(() => page.evaluate('document.querySelector("video").ended'), { timeout: 10_000 }).toBe(true);
  expect(ranges.some((range) => range.startsWith('bytes='))).toBe(true);
});

test.skipIf(!installed)(
  'GraphiQL shows the events of a subscription, until the task has ended',
  async () => {
    const { url } = await startSandboxService();
    const page = await openPage();
    // The second time the page opens from the cache of the browser, before the task has ended.
    await page.goto(url);
    const submitted = await post(url, submitDocument, { input: { grokVideo3: { prompt: 'A boat, sandbox:slow' } } });
    const { id } = (await submitted.json()).data.submitVideo.task;
    const document = `subscription Follow { videoTaskUpdated(id: "${id}") { status } }`;
    await page.goto(`${url}?query=${encodeURIComponent(document)}`);
    await page.getByTitle('Models', { exact: true }).waitFor();
    await run(page);
    for (const status of ['PROCESSING', 'COMPLETED'])
      await page.locator('.result-window').getByText(`"status": "${status}"`).waitFor({ timeout: 90_000 });
  },
  120_000,
);

test.skipIf(!installed)(
  'on a fresh profile, a click on a tab and then Run run that tab, and Run alone costs nothing',
  async () => {
    const { url } = await startSandboxService();
    for (const name of [null, ...tabNames]) {
      const page = await openPage();
      await page.goto(url);
      await page.getByTitle('Models', { exact: true }).waitFor();
      if (name !== null) await clickTab(page, name);
      expect.soft((await sentBy(page)).operationName).toBe(name ?? 'Models');
      await page.close();
    }
  },
  180_000,
);

test.skipIf(!installed)(
  'headers that are written in one tab are sent and shown in all, also after a reload',
  async () => {
    const { url } = await startSandboxService();
    const page = await openPage();
    await page.goto(url);
    await page.getByTitle('Models', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Headers' }).click();
    const editor = page.getByRole('region', { name: 'Headers' });
    await editor.click();
    await page.keyboard.insertText('{ "x-request-id": "from-the-editor" }');
    const seen = async (name: string) => {
      await clickTab(page, name);
      const { operationName, headers } = await sentBy(page);
      return [operationName, headers['x-request-id']];
    };
    for (const name of ['Models', 'List', 'Watch', 'Models'])
      expect(await seen(name)).toEqual([name, 'from-the-editor']);
    await page.getByRole('button', { name: /new tab/i }).click();
    await expect.poll(() => editor.textContent()).toContain('from-the-editor');

    await page.reload();
    await page.getByTitle('List', { exact: true }).waitFor();
    expect(await seen('List')).toEqual(['List', 'from-the-editor']);
    const kept = await page.evaluate('JSON.stringify(localStorage)');
    expect(kept).not.toContain('from-the-editor');
  },
);

test.skipIf(!installed)(
  'with a real key, a banner says that orders are paid; without a schema, what GraphiQL lacks',
  async () => {
    const upstream = await startUpstream();
    const settings = { DATABASE_URL: await freshDatabase(), GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url };
    const service = await startService({ ...settings, GRAPHIQL: 'on' });
    await expect.poll(service.log).toContain('GRAPHIQL is on and INTROSPECTION is off');
    const page = await openPage();
    await page.goto(service.url);
    await page.getByTitle('Models', { exact: true }).waitFor();
    expect(await page.locator('.banner').allTextContents()).toEqual([
      expect.stringContaining('REAL MONEY'),
      expect.stringContaining('GRAPHIQL needs INTROSPECTION=on'),
    ]);
    await clickTab(page, 'Models');
    await run(page);
    await page.locator('.result-window').getByText('"GROK_VIDEO3"').waitFor();
  },
);

test.skipIf(!installed)(
  'opened again, GraphiQL takes nothing but its page from the network, and / leads to it',
  async () => {
    const { url } = await startSandboxService();
    const page = await openPage();
    const load = async () => {
      const sizes: number[] = [];
      const onFinished = async (request: Request) => void sizes.push((await request.sizes()).responseBodySize);
      page.on('requestfinished', onFinished);
      await page.goto(new URL('/', url).href);
      await page.getByTitle('Models', { exact: true }).waitFor();
      page.off('requestfinished', onFinished);
      return sizes.reduce((sum, size) => sum + size, 0);
    };
    // 9 MB of texts.
    expect(await load()).toBeLessThan(3_500_000);
    expect(page.url()).toBe(url);
    expect(await load()).toBeLessThan(300_000);
  },
);
