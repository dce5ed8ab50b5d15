import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { pinned } from './processes.ts';
import type { Machine } from './report.ts';

const compared = ['mercurius', '@apollo/server', 'fastify', 'graphql', 'autocannon'];

function versionOf(name: string): string {
  const path = new URL(`peers/node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The facts about the machine without which a figure means nothing. */
export const describeMachine = (peers = compared): Machine => ({
  node: process.version,
  // Not what this process may use, which is one of them.
  cores: cpus().length,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  // Other work on the machine shows here, beside the bench's own.
  loadAverage: loadavg(),
  pinned: pinned ? 'what is measured on core 0, load and upstream on core 1' : 'nothing is pinned to a core',
  peers: Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
});
