import type { GraphiQLOptions } from 'graphql-yoga';
import { modelNames } from '../../catalogue/models.ts';
import { inputFieldOf, pascalCase } from '../../graphql/names.ts';

const taskFields = `
    id
    status
    upstreamStatus
    video { url state expiresAt }
    failure { code message }`;

const submitTabs = modelNames.map(
  (model) => `mutation ${pascalCase(model)} {
  submitVideo(
    input: {
      ${inputFieldOf(model)}: {
        prompt: "A paper boat in the rain"
      }
    }
  ) {
    task {${taskFields.replaceAll('\n', '\n  ')}
    }
  }
}
`,
);

const watchTab = `# Put the id of a submitted task into the variables below.
subscription Watch($id: ID!) {
  videoTaskUpdated(id: $id) {${taskFields}
    nextCheckAt
  }
}
`;

const listTab = `query List {
  videoTasks(first: 10) {
    edges {
      node { id model mode prompt status createdAt completedAt video { url } failure { code } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const modelsTab = `query Models {
  videoModels {
    name
    inputField
    duration { inputField values { name value } default { name } }
    aspectRatio { inputField values { name value } default { name } }
    resolution { inputField values { name value } default { name } }
    referenceImages { inputField forms max }
    billingUnit
    typicalSeconds { min max }
  }
}
`;

/** GraphiQL as it opens: a tab for each thing one does first. */
export const graphiqlOptions: GraphiQLOptions = {
  title: 'grok-video-graphql',
  defaultTabs: [
    ...submitTabs.map((query) => ({ query })),
    { query: watchTab, variables: '{ "id": "" }' },
    { query: listTab },
    { query: modelsTab },
  ],
};

const sandboxBanner = `<style>
  #root, #root > *, .graphiql-container { height: calc(100vh - 2rem) }
  #sandbox { font: 14px/2rem system-ui; text-align: center; background: #fff3cd; color: #533f03 }
</style>
<div id="sandbox"><b>SANDBOX: no GROK_API_KEY is set, so no real video is ordered and nothing is paid.</b></div>`;

/** Renders GraphiQL with its assets inside the page, so that it works offline. The page is made when first asked for. */
export function createGraphiqlRenderer({
  sandbox,
}: {
  sandbox: boolean;
}): (options: GraphiQLOptions) => Promise<string> {
  let page: Promise<string> | undefined;
  return (options) => {
    page ??= import('@graphql-yoga/render-graphiql').then(({ renderGraphiQL }) => {
      const html = renderGraphiQL(options);
      return sandbox ? html.replace('<div id="root"></div>', (root) => `${sandboxBanner}${root}`) : html;
    });
    return page;
  };
}
