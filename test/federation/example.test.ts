import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closedPort } from '../support/closed-port.ts';
import { ask } from './graph.ts';

const readme = readFileSync('examples/federation/README.md', 'utf8');
const blocksOf = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, block = '']) => block);

/** What differs from run to run is the task's id, and the video's address. */
const withoutAddress = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer).replaceAll(/http:[^"]+\.mp4/g, 'address'));

test('its one command starts the graph, which answers as its README says, and Ctrl-C ends all of it', async () => {
  const data = mkdtempSync(join(tmpdir(), 'grok-video-graphql-example-'));
  const ports = [await closedPort(), await closedPort(), await closedPort(), await closedPort()].map(String);
  const [port = '', videosPort = '', productsPort = '', sandboxPort = ''] = ports;
  const options = ['--port', port, '--videos-port', videosPort, '--products-port', productsPort];
  const args = ['run', 'example:federation', '--', ...options, '--sandbox-port', sandboxPort, '--data', data];
  // In a process group of its own, as in a terminal: Ctrl-C reaches every process in it.
  const command = spawn('npm', args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const toAll = (signal: NodeJS.Signals) => command.pid !== undefined && process.kill(-command.pid, signal);
  const ended = once(command, 'exit');
  onTestFinished(() => {
    if (command.exitCode === null && command.signalCode === null) toAll('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  });
  const ready = Promise.withResolvers<void>();
  let said = '';
  command.stdout.on('data', (chunk) => {
    said += chunk;
    if (said.includes('Ctrl-C')) ready.resolve();
  });
  void ended.then(([code]) => ready.reject(new Error(`ended with ${code}:\n${said}`)));
  await ready.promise;

  const url = `http://127.0.0.1:${port}/graphql`;
  expect(said).toContain(url);
  const [order = '', attach = '', read = ''] = blocksOf('graphql');
  const answers = blocksOf('json').map((block) => JSON.parse(block));
  expect(answers).toHaveLength(3);
  expect(said).toContain(order);

  const idInReadme = answers[0].data.submitVideo.task.id;
  const ordered = await ask(url, order);
  const { id } = ordered.data.submitVideo.task;
  expect(ordered).toEqual({ data: { submitVideo: { task: { id, status: 'QUEUED' } } } });
  expect(answers[0].data.submitVideo.task.status).toBe('QUEUED');
  expect(await ask(url, attach.replace(idInReadme, id))).toEqual(answers[1]);
  await expect
    .poll(async () => withoutAddress(await ask(url, read)), { timeout: 30_000, interval: 500 })
    .toEqual(withoutAddress(answers[2]));

  toAll('SIGINT');
  await ended;
  const open = async () => {
    const answers = await Promise.allSettled(ports.map((each) => fetch(`http://127.0.0.1:${each}/`)));
    return answers.filter(({ status }) => status === 'fulfilled').length;
  };
  await expect.poll(open, { timeout: 5_000 }).toBe(0);
});
