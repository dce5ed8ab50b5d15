import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../support/app.ts';
import { createKeyFor } from '../support/callers.ts';
import { closedPort } from '../support/closed-port.ts';
import { type ComposerName, compose, productsSdl, videosSdl } from '../support/composing.ts';
import { noSpendingLimits } from '../support/local-caller.ts';
import { type Seen, startCountingProxy } from './counting-proxy.ts';
import { Programs } from './programs.ts';

/** The gateways under test, each with the composer whose supergraph it serves. */
export const gateways = {
  'Hive Gateway with a supergraph by Hive': { gateway: 'hive', composer: 'hive' },
  'Hive Gateway with a supergraph by Apollo': { gateway: 'hive', composer: 'apollo' },
  'Apollo Gateway': { gateway: 'apollo', composer: 'apollo' },
} as const satisfies Record<string, { gateway: string; composer: ComposerName }>;

export type GatewayName = keyof typeof gateways;
export const gatewayNames = Object.keys(gateways) as GatewayName[];

export interface Graph {
  /** Where the service itself is. */
  readonly service: string;
  readonly urls: Readonly<Record<GatewayName, string>>;
  /** The keys of two clients. */
  readonly keys: { readonly app: string; readonly other: string };
  /** What the gateways have asked the service. */
  readonly seen: Seen[];
  stop(): Promise<void>;
}

const example = join(import.meta.dirname, '../../examples/federation');
const address = /http:\/\/127\.0\.0\.1:\d+\S*/;

/** The service with its sandbox and API keys, the example's graph of products, and every gateway. */
export async function startGraph(): Promise<Graph> {
  const programs = new Programs();
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-federation-'));
  const databaseUrl = `file:${directory}/videos.db`;
  const keys = {
    app: (await createKeyFor(databaseUrl)).key,
    other: (await createKeyFor(databaseUrl, { client: 'other' })).key,
  };

  // As in production, but for the sandbox.
  const settings = { ...noSpendingLimits, INTROSPECTION: 'off', GRAPHIQL: 'off', PORT: '0', SANDBOX_PORT: '0' };
  const [service, products] = await Promise.all([
    programs.start({
      args: ['src/main.ts', '--development'],
      env: { ...settings, DATABASE_URL: databaseUrl },
      sign: /http:\S+\/graphql/,
    }),
    programs.start({ args: ['products.ts', String(await closedPort())], cwd: example, sign: address }),
  ]);
  const proxy = await startCountingProxy(service);

  async function startGateway(name: GatewayName): Promise<string> {
    const { gateway, composer } = gateways[name];
    const supergraph = join(directory, `${gateway}-${composer}.graphql`);
    const graphs = { videos: videosSdl, products: productsSdl };
    writeFileSync(supergraph, compose(composer, graphs, { videos: proxy.url, products }).supergraph);
    const port = String(await closedPort());
    const args = {
      hive: [
        'node_modules/@graphql-hive/gateway/dist/bin.js',
        ...['supergraph', supergraph, '--host', '127.0.0.1', '--port', port],
      ],
      apollo: ['apollo-gateway.ts', supergraph, port],
    };
    const sign = /(Listening on|Apollo Gateway at) http/;
    await programs.start({ args: args[gateway], cwd: example, sign });
    return `http://127.0.0.1:${port}/graphql`;
  }

  const started = await Promise.all(gatewayNames.map(async (name) => [name, await startGateway(name)] as const));
  return {
    service,
    urls: Object.fromEntries(started) as Record<GatewayName, string>,
    keys,
    seen: proxy.seen,
    async stop() {
      await programs.stop();
      await proxy.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Sends a document as a client of a gateway does, or of the service. */
export async function send(
  url: string,
  query: string,
  variables: object = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
}

export const withKey = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

export async function ask(...parameters: Parameters<typeof send>): Promise<Answer> {
  const response = await send(...parameters);
  return (await response.json()) as Answer;
}
