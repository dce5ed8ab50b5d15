import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { Case, Protocol } from './requests.ts';

export interface Contender {
  readonly name: string;
  readonly title: string;
  /** The program, from the directory of the bench. */
  readonly file: string;
  /** Options of Node's own. */
  readonly nodeOptions?: readonly string[];
  readonly protocol: Protocol;
  readonly cases: readonly Case[];
}

const at = (path: string): string => join(import.meta.dirname, path);
const ofPeers = ['read', 'list', 'submit', 'mixed', 'start'] as const;

/** The options that `npm start` gives to Node, without the file of settings. */
const startOptions = manifest.scripts.start.split(' ').filter((word) => /^--(?!env-file)/.test(word));

/** The compile cache of `npm start`. */
const [, compileCache = ''] = /NODE_COMPILE_CACHE=(\S+)/.exec(manifest.scripts.start) ?? [];

/** In the order in which each round goes through them. */
export const contenders: readonly Contender[] = [
  {
    name: 'service',
    title: 'this service',
    file: at('../src/main.ts'),
    nodeOptions: startOptions,
    protocol: 'graphql',
    cases: [...ofPeers, 'watch'],
  },
  { name: 'mercurius', title: 'Mercurius, JIT', file: at('peers/mercurius.ts'), protocol: 'graphql', cases: ofPeers },
  { name: 'apollo', title: 'Apollo Server', file: at('peers/apollo.ts'), protocol: 'graphql', cases: ofPeers },
  { name: 'rest', title: 'bare Fastify', file: at('peers/rest.ts'), protocol: 'rest', cases: ofPeers },
  // The upper limit of Node's HTTP on this machine: the same request, with a constant answer.
  { name: 'limit', title: 'node:http, a constant', file: at('limit.ts'), protocol: 'graphql', cases: ['read'] },
];

interface Place {
  readonly port: number;
  readonly file: string;
  readonly token: string;
  readonly upstreamUrl: string;
}

/**
 * The service runs with its defaults, except for the limits that the load would reach: what one client may order, and
 * the first check of a task, because the peers do not follow tasks.
 */
export function settingsOf({ name }: Contender, { port, file, token, upstreamUrl }: Place): Record<string, string> {
  if (name !== 'service') return { PORT: String(port), DATABASE_FILE: file, TOKEN: token, UPSTREAM_URL: upstreamUrl };
  return {
    NODE_COMPILE_CACHE: at(`../${compileCache}`),
    PORT: String(port),
    DATABASE_URL: `file:${file}`,
    GROK_API_KEY: 'sk-bench',
    GROK_API_BASE_URL: upstreamUrl,
    SUBMITS_PER_MINUTE: 'none',
    SECONDS_PER_DAY: 'none',
    CALLS_PER_DAY: 'none',
    TRACKER_FIRST_CHECK_MS: '3600000',
  };
}
