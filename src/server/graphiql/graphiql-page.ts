import type { GraphiQLOptions } from 'graphql-yoga';
import type { AssetNames, GraphiqlAssets } from './graphiql-assets.ts';

interface Settings {
  readonly sandbox: boolean;
  readonly introspection: boolean;
}

/** Renders GraphiQL with its assets from this service, so that it works offline. */
export const createGraphiqlRenderer =
  (assets: GraphiqlAssets, settings: Settings) =>
  async (options: GraphiQLOptions): Promise<string> =>
    pageOf(await assets.names(), bannersFor(settings), options);

interface Banner {
  readonly id: string;
  readonly text: string;
}

/** What one has to know before one runs anything. */
const bannersFor = ({ sandbox, introspection }: Settings): readonly Banner[] => [
  sandbox
    ? { id: 'sandbox', text: 'SANDBOX: no GROK_API_KEY is set, so no real video is ordered and nothing is paid.' }
    : { id: 'real-money', text: 'REAL MONEY: each video that is ordered here is paid for.' },
  ...(introspection
    ? []
    : [
        {
          id: 'no-schema',
          text: 'GRAPHIQL needs INTROSPECTION=on as well to complete, check and explain what you write.',
        },
      ]),
];

const bannerHeightRem = 2;

const styleFor = (banners: readonly Banner[]): string => `
      #root, #root > *, .graphiql-container { height: calc(100vh - ${banners.length * bannerHeightRem}rem) }
      .banner { font: bold 14px/${bannerHeightRem}rem system-ui; text-align: center; background: #fff3cd; color: #533f03 }
      #real-money { background: #b3261e; color: #fff }
      /* GraphiQL leaves tabs displaced after their first layout: they then jump away from under a click. */
      .graphiql-tab { transform: none !important }`;

/**
 * One set of headers for all tabs, because a key is for the service and not for a tab. GraphiQL has one editor of headers,
 * and writes the headers of a tab into it when the tab is opened: that is a flush, and typing is none. The headers are kept
 * until the browser's tab is closed; GraphiQL itself would keep them for good, the key among them.
 */
const shareHeaders = `
      monaco.editor.onDidCreateModel((model) => {
        if (!model.uri.path.endsWith('request-headers.json')) return;
        const bare = (text) => text.replace(/\\s/g, '');
        let shared = sessionStorage.getItem('headers') ?? '';
        const restore = () => { if (model.getValue() !== shared) model.setValue(shared); };
        model.onDidChangeContent(({ isFlush }) => {
          const text = model.getValue();
          if (isFlush && bare(text) !== bare(shared)) return queueMicrotask(restore);
          shared = text;
          sessionStorage.setItem('headers', shared);
        });
        setTimeout(restore);
      });`;

/**
 * Sends what Run asks for: the answer is JSON, or a stream of events for a subscription. GraphiQL's own function refuses
 * to run a tab that was opened a moment ago, because it still has the operation name of the tab before; this one leaves
 * out a name that is not in the document.
 */
const fetcher = `
      async function* eventsOf(body) {
        let text = '';
        for await (const part of body.pipeThrough(new TextDecoderStream())) {
          const events = (text + part).split('\\n\\n');
          text = events.pop();
          for (const event of events) {
            const [, data] = /^data: (.+)$/m.exec(event) ?? [];
            if (data) yield JSON.parse(data);
          }
        }
      }
      async function fetcher({ query, variables, operationName }, { headers } = {}) {
        const isNamed = operationName && new RegExp('\\\\b' + operationName + '\\\\b').test(query);
        const response = await fetch(location.pathname, {
          method: 'POST',
          headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ query, variables, operationName: isNamed ? operationName : undefined }),
        });
        const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
        return isStream ? eventsOf(response.body) : response.json();
      }`;

/** JSON that can stand inside a script. */
const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const pageOf = (names: AssetNames, banners: readonly Banner[], options: GraphiQLOptions): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${options.title}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="graphiql/${names.style}">
    <style>${styleFor(banners)}
    </style>
  </head>
  <body id="body" class="no-focus-outline">
    <noscript>GraphiQL needs JavaScript.</noscript>
    ${banners.map(({ id, text }) => `<div class="banner" id="${id}">${text}</div>`).join('\n    ')}
    <div id="root"></div>
    <script>
      const names = ${scriptJson(names)};
      self.MonacoEnvironment = { globalAPI: true, getWorkerUrl: (_, label) => 'graphiql/' + names[label] };
    </script>
    <script src="graphiql/${names.script}"></script>
    <script>${shareHeaders}${fetcher}
      YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), { ...${scriptJson(options)}, fetcher });
    </script>
  </body>
</html>
`;
