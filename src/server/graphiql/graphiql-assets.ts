import { createHash } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { securityHeaders } from '../plugins/security-headers.ts';

interface Asset {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Compressed when it is first asked for, and kept: there is a handful of them. */
  compressed?: Promise<Buffer>;
}

export type AssetNames = Readonly<Record<'script' | 'style' | 'editorWorkerService' | 'json' | 'graphql', string>>;

const compress = promisify(gzip);

/** An asset under a name that changes with its content, so that browsers may keep it for good. */
function assetOf(stem: string, contentType: string, content: string): Asset {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  const extension = contentType === 'text/css' ? 'css' : 'js';
  return {
    name: `${stem}-${hash}.${extension}`,
    contentType: `${contentType}; charset=utf-8`,
    bytes: Buffer.from(content),
  };
}

/** GraphiQL's files out of the package that has them as texts: 9 MB, which are loaded when GraphiQL is first opened. */
export class GraphiqlAssets {
  #loaded: Promise<Readonly<Record<keyof AssetNames, Asset>>> | undefined;

  #load() {
    const script = 'text/javascript';
    this.#loaded ??= import('@graphql-yoga/render-graphiql/graphiql').then((texts) => ({
      script: assetOf('graphiql', script, texts.js),
      style: assetOf('graphiql', 'text/css', texts.css),
      editorWorkerService: assetOf('editor-worker', script, texts.editorWorkerService),
      json: assetOf('json-worker', script, texts.jsonWorker),
      graphql: assetOf('graphql-worker', script, texts.graphqlWorker),
    }));
    return this.#loaded;
  }

  async names(): Promise<AssetNames> {
    const { script, style, editorWorkerService, json, graphql } = await this.#load();
    return {
      script: script.name,
      style: style.name,
      editorWorkerService: editorWorkerService.name,
      json: json.name,
      graphql: graphql.name,
    };
  }

  async find(name: string): Promise<Asset | undefined> {
    return Object.values(await this.#load()).find((asset) => asset.name === name);
  }
}

/** Serves GraphiQL's assets past Yoga, whose answers are texts, and leads from `/` to GraphiQL. */
export function serveGraphiql(assets: GraphiqlAssets, next: RequestListener): RequestListener {
  return (request, response) => {
    const { method, url = '', headers } = request;
    if (method !== 'GET' && method !== 'HEAD') return next(request, response);
    if (url === '/') return void response.writeHead(302, { ...securityHeaders, location: 'graphql' }).end();
    const [, name] = /\/graphiql\/([\w.-]{1,100})$/.exec(url) ?? [];
    if (name === undefined) return next(request, response);
    const takesGzip = /\bgzip\b(?!;q=0(?:\.0*)?(?:,|$))/.test(`${headers['accept-encoding'] ?? ''}`);
    assets
      .find(name)
      .then((asset) => (asset ? send(response, asset, takesGzip) : next(request, response)))
      .catch(() => response.destroy());
  };
}

async function send(response: ServerResponse, asset: Asset, takesGzip: boolean): Promise<void> {
  const compressed = () => (asset.compressed ??= compress(asset.bytes));
  const body = takesGzip ? await compressed() : asset.bytes;
  response.writeHead(200, {
    ...securityHeaders,
    'content-type': asset.contentType,
    'content-length': body.length,
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
    ...(takesGzip && { 'content-encoding': 'gzip' }),
  });
  response.end(body);
}
