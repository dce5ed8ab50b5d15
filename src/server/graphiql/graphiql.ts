import type { GraphiQLOptions } from 'graphql-yoga';
import { modelNames } from '../../catalogue/models.ts';
import { inputFieldOf, pascalCase } from '../../graphql/names.ts';

const taskFields = `
    id
    status
    upstreamStatus
    video { url state expiresAt }
    waiting { reason ahead estimatedStartAt }
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
      node { id model mode prompt status createdAt completedAt video { url storage { state message } } failure { code } }
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

/** GraphiQL as it opens: a tab for each thing one does first, those first that cost nothing. */
export const graphiqlOptions: GraphiQLOptions = {
  title: 'grok-video-graphql',
  // A key among them would stay in the browser's storage for good.
  shouldPersistHeaders: false,
  defaultTabs: [
    { query: modelsTab },
    { query: listTab },
    { query: watchTab, variables: '{ "id": "" }' },
    ...submitTabs.map((query) => ({ query })),
  ],
};
