import { setTimeout as sleep } from 'node:timers/promises';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { GraphQLClient } from 'graphql-request';
import { createClient } from 'graphql-sse';
import { mayBeSentAgain, RequestError, VideoError } from './errors.ts';
import { graphql } from './generated/gql.ts';
import type { SubmitVideoInput, VideoFragment, VideoTaskStatus } from './generated/graphql.ts';

export interface Service {
  readonly url: string;
  /** An API key or a token; undefined where the service asks for none, as on your own machine. */
  readonly apiKey: string | undefined;
}

export type Model = keyof SubmitVideoInput;

/** An order from each model. One that the schema does not have, or one that is missing here, does not compile. */
export const orders: Record<Model, (order: { prompt: string; images: { uploadId: string }[] }) => SubmitVideoInput> = {
  grokVideo3: (grokVideo3) => ({ grokVideo3 }),
  grokVideo3Pro: (grokVideo3Pro) => ({ grokVideo3Pro }),
  grokVideo3Max: (grokVideo3Max) => ({ grokVideo3Max }),
  grokVideo3Stable: (grokVideo3Stable) => ({ grokVideo3Stable }),
};

const submitVideoDocument = graphql(`
  mutation SubmitVideo($input: SubmitVideoInput!, $idempotencyKey: String!) {
    submitVideo(input: $input, idempotencyKey: $idempotencyKey) {
      replayed
      task { id }
    }
  }
`);

const watchVideoDocument = graphql(`
  subscription WatchVideo($id: ID!) {
    videoTaskUpdated(id: $id) {
      status
      failure { ...Failure }
      video { ...Video }
    }
  }

  fragment Failure on VideoFailure { code message retryable mayBeBilled }

  fragment Video on VideoResult { url durationSeconds }
`);

const typicalSecondsDocument = graphql(`
  query TypicalSeconds {
    videoModels { inputField typicalSeconds { min max } }
  }
`);

/** How long the model usually takes. */
export async function typicalSeconds(service: Service, model: Model): Promise<{ min: number; max: number }> {
  const { videoModels } = await clientOf(service).request(typicalSecondsDocument);
  const found = videoModels.find(({ inputField }) => inputField === model);
  if (!found) throw new Error(`The service has no model ${model}: generate the types from its schema again.`);
  return found.typicalSeconds;
}

const attempts = 3;

/** Orders a video. Under one key it is ordered once, so that an order without an answer can be sent again. */
export async function submitVideo(service: Service, input: SubmitVideoInput, idempotencyKey: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      const { submitVideo } = await clientOf(service).request(submitVideoDocument, { input, idempotencyKey });
      // Null comes only with an error, which request() throws.
      if (!submitVideo) throw new Error('The service answered the order with nothing.');
      return submitVideo;
    } catch (error) {
      if (attempt === attempts || !mayBeSentAgain(error)) throw error;
      await sleep(attempt * 1_000);
    }
  }
}

/** Follows a task to its end, also when the connection breaks, and returns its video. */
export async function watchVideo(
  service: Service,
  id: string,
  onStatus: (status: VideoTaskStatus) => void,
): Promise<VideoFragment> {
  for (;;) {
    for await (const { data, errors } of subscribe(service, watchVideoDocument, { id })) {
      if (errors) throw new RequestError(errors);
      if (!data) continue;
      const { status, failure, video } = data.videoTaskUpdated;
      onStatus(status);
      if (failure) throw new VideoError(failure);
      if (video) return video;
    }
    // A service that is stopping ends the stream, although the task goes on: watch on when it is back.
    await sleep(1_000);
  }
}

/** Connects again by itself where a connection breaks; the stream then begins with the task as it is. */
function subscribe<Result, Variables extends Record<string, unknown>>(
  { url, apiKey }: Service,
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
) {
  const client = createClient({ url, headers: headersOf(apiKey) });
  return client.iterate<Result>({ query: print(document), variables });
}

export function clientOf({ url, apiKey }: Service): GraphQLClient {
  return new GraphQLClient(url, { headers: headersOf(apiKey) });
}

function headersOf(apiKey: string | undefined): Record<string, string> {
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}
