import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { install } from '../../scripts/install.ts';
import { closedPort } from '../support/closed-port.ts';
import { freshDatabase, freshDirectory } from '../support/database.ts';
import { png } from '../support/images.ts';
import { startService } from '../support/process.ts';

const example = 'examples/client';
const execute = promisify(execFile);

async function npm(...args: string[]): Promise<void> {
  await execute('npm', args, { cwd: example, timeout: 240_000 }).catch(({ stdout, stderr }) => {
    throw new Error(`npm ${args.join(' ')}:\n${stdout}${stderr}`);
  });
}

beforeAll(async () => {
  install(example);
  await npm('run', 'generate');
}, 300_000);

interface Run {
  readonly code: number;
  /** What it printed, line by line. */
  readonly lines: readonly string[];
  /** What it printed where it stopped with an error. */
  readonly complaint: string;
}

/** Runs the example as its README says, but for npm in between. */
async function runClient(settings: Record<string, string>, ...args: string[]): Promise<Run> {
  const { PATH = '' } = process.env;
  const env = { PATH, ...settings };
  const { stdout, stderr, code } = await execute(process.execPath, ['src/main.ts', ...args], {
    cwd: example,
    env,
    timeout: 50_000,
  }).then(
    (output) => ({ ...output, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => error,
  );
  return { code, lines: stdout.trim().split('\n'), complaint: stderr.trim() };
}

/** The service with the sandbox behind it, as `npm run dev` starts it, and how the client finds it. */
async function startSandboxed(settings: Record<string, string> = {}) {
  const service = await startService({ DATABASE_URL: await freshDatabase(), ...settings }, '--development');
  return { service, found: { VIDEO_API_URL: service.url } };
}

const freshFile = () => join(freshDirectory(), 'video.mp4');

const isMp4 = async (path: string) => (await readFile(path)).toString('latin1', 4, 8) === 'ftyp';

/** Orders that do not compile against the published schema, and, last, one that does. */
const typedOrders = `
import type { SubmitVideoInput } from './graphql.ts';
const prompt = 'A paper boat';
export const orders: SubmitVideoInput[] = [
  // @ts-expect-error no model
  {},
  // @ts-expect-error two models
  { grokVideo3: { prompt }, grokVideo3Pro: { prompt } },
  // @ts-expect-error no prompt
  { grokVideo3: {} },
  // @ts-expect-error the Pro model has one length only
  { grokVideo3Pro: { prompt, duration: 'SECONDS_6' } },
  // @ts-expect-error the Max model does not make 7 seconds
  { grokVideo3Max: { prompt, duration: 'SECONDS_7' } },
  // @ts-expect-error the Max model does not make 3:2
  { grokVideo3Max: { prompt, aspectRatio: 'RATIO_3_2' } },
  { grokVideo3Max: { prompt, duration: 'SECONDS_6', aspectRatio: 'RATIO_9_16' } },
];
`;

test('its types come from schema.graphql: an order that a model would refuse does not compile', async () => {
  const path = join(example, 'src/generated/typed-orders.ts');
  onTestFinished(() => rm(path, { force: true }));
  await writeFile(path, typedOrders);
  await npm('run', 'typecheck');
});

test('it orders a video, watches it being made and downloads it; again under its key, it orders nothing', async () => {
  const { found } = await startSandboxed();
  const path = freshFile();
  const order = ['A paper boat in the rain', '--model', 'grokVideo3Max', '--out', path, '--key', 'boat'];

  const first = await runClient(found, ...order);
  expect(first).toMatchObject({ code: 0, complaint: '' });
  expect(first.lines).toEqual([
    'Ordering under --key boat: run again with it, and nothing is ordered twice.',
    expect.stringMatching(/^Task [0-9a-f-]{36}$/),
    'waiting to be made',
    'being made',
    'made',
    `Saved ${path}, 10 seconds`,
  ]);
  expect(await isMp4(path)).toBe(true);

  await rm(path);
  const again = await runClient(found, ...order);
  expect(again.lines[1]).toBe(`${first.lines[1]}, ordered before`);
  expect(await isMp4(path)).toBe(true);

  const other = await runClient(found, 'A stone', '--key', 'boat');
  expect(other).toMatchObject({ code: 1, complaint: expect.stringMatching(/^Refused \(IDEMPOTENCY_KEY_MISMATCH\)/) });
});

test('it orders from a picture on disk, and again by the id that the picture got', async () => {
  const { found } = await startSandboxed();
  const path = freshFile();
  const picture = join(freshDirectory(), 'boat.png');
  await writeFile(picture, png('a boat'));
  const order = ['A paper boat', '--model', 'grokVideo3Max', '--out', path, '--key', 'boat'];

  const first = await runClient(found, ...order, '--image', picture);
  expect(first).toMatchObject({ code: 0, complaint: '' });
  const [, id = ''] = /--image ([0-9a-f-]{36})$/.exec(first.lines[0] ?? '') ?? [];
  expect(first.lines.at(-1)).toBe(`Saved ${path}, 10 seconds`);
  expect(await isMp4(path)).toBe(true);
  const again = await runClient(found, ...order, '--image', id);
  expect(again.lines[1]).toBe(`${first.lines[2]}, ordered before`);

  await writeFile(picture, 'no picture');
  const refused = await runClient(found, ...order, '--image', picture);
  expect(refused).toMatchObject({ code: 1, complaint: expect.stringMatching(/was not taken: The image is labelled/) });
});

test('it says why there is no video, what it costs and what to do', async () => {
  const { found } = await startSandboxed();
  const path = freshFile();
  const [moderated, refused] = await Promise.all(
    ['sandbox:moderation', 'sandbox:refuse'].map((word) => runClient(found, `A boat ${word}`, '--out', path)),
  );
  expect(moderated).toMatchObject({
    code: 1,
    complaint: expect.stringMatching(
      /^No video \(CONTENT_REFUSED\): .*the prompt violates the policy.* It may be billed\. Describe the video differently\.$/,
    ),
  });
  expect(refused).toMatchObject({
    code: 1,
    complaint: expect.stringMatching(/^No video \(UPSTREAM_REFUSED\): .* It is not billed\. Change the order\.$/),
  });
  expect(existsSync(path)).toBe(false);
});

test('it says why the service takes no order, or that it is not there', async () => {
  const { found } = await startSandboxed();
  const nowhere = { VIDEO_API_URL: `http://127.0.0.1:${await closedPort()}/graphql` };
  const complaints = await Promise.all([
    runClient(found, '   '),
    runClient({ ...found, VIDEO_API_KEY: 'not-a-key' }, 'A paper boat'),
    runClient(nowhere, 'A paper boat'),
    runClient(found, 'A paper boat', '--model', 'grokVideo99'),
  ]);
  expect(complaints.map(({ code, complaint }) => [code, complaint])).toEqual([
    [1, 'Refused (BAD_USER_INPUT): input.grokVideo3.prompt must not be empty. Nothing was ordered.'],
    [1, expect.stringMatching(/^Refused \(UNAUTHENTICATED\): .* Set VIDEO_API_KEY to a key of the service\.$/)],
    [1, expect.stringMatching(/^No connection: connect ECONNREFUSED/)],
    [2, expect.stringMatching(/^There is no model grokVideo99\.\nnpm start -- "<prompt>"/)],
  ]);
});

test('it watches on where the service is restarted in between', async () => {
  const settings = { PORT: String(await closedPort()), DATABASE_URL: await freshDatabase() };
  const { service, found } = await startSandboxed(settings);
  const path = freshFile();
  const running = runClient(found, 'A paper boat', '--out', path);
  await expect.poll(service.log, { timeout: 20_000 }).toContain('"to":"QUEUED"');
  expect(await service.end('SIGTERM')).toBe(0);
  await startSandboxed(settings);
  expect(await running).toMatchObject({ code: 0, complaint: '' });
  expect(await isMp4(path)).toBe(true);
});

test('in a terminal, its progress is one line that is kept up to date', async () => {
  const program = `
    import { startProgress } from './src/progress.ts';
    const out = { isTTY: true, write: (text) => process.stdout.write(JSON.stringify(text) + '\\n') };
    const progress = startProgress(out, { min: 2, max: 4 });
    progress.show('QUEUED');
    setTimeout(() => { progress.show('COMPLETED'); progress.end(); }, 1500);`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program], { cwd: example });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).split('\x1b[K'));
  expect(lines).toEqual([
    ['\r', `${'░'.repeat(20)} waiting to be made, 0:00 (usually 0:02 to 0:04)`],
    ['\r', expect.stringMatching(/^█{5,9}░{11,15} waiting to be made, 0:0[12] /)],
    ['\r', expect.stringMatching(/^█{20} made, 0:0[12] /)],
    ['\n'],
  ]);
});
