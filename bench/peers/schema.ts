import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLScalarType } from 'graphql';
import { failureOf, findTask, listTasks, type Order, optionsOf, submitVideo, type Task, videoOf } from './tasks.ts';

export interface Context {
  readonly client: string;
}

/** The part of the service's schema that the bench uses, under the same names: both GraphQL peers serve this object. */
const typeDefs = `
  scalar DateTime
  enum VideoTaskStatus { SUBMITTING QUEUED PROCESSING COMPLETED FAILED CANCELLED UNCONFIRMED }
  enum VideoModelName { GROK_VIDEO3 GROK_VIDEO3_PRO GROK_VIDEO3_MAX GROK_VIDEO3_STABLE }
  enum VideoAspectRatio { RATIO_16_9 RATIO_9_16 RATIO_1_1 RATIO_3_2 RATIO_2_3 }
  enum VideoDuration { SECONDS_6 SECONDS_10 SECONDS_30 }
  enum VideoResolution { RESOLUTION_480P RESOLUTION_720P }
  enum VideoState { AVAILABLE EXPIRED }
  type VideoOptions { durationSeconds: Int! aspectRatio: VideoAspectRatio! resolution: VideoResolution! }
  type VideoResult { url: String state: VideoState! }
  type VideoFailure { code: String! }
  type VideoTask {
    id: ID! status: VideoTaskStatus! model: VideoModelName! prompt: String! createdAt: DateTime! completedAt: DateTime
    options: VideoOptions! video: VideoResult failure: VideoFailure
  }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type VideoTaskEdge { cursor: String! node: VideoTask! }
  type VideoTaskConnection { edges: [VideoTaskEdge!]! pageInfo: PageInfo! }
  type Query {
    videoTask(id: ID!): VideoTask
    videoTasks(first: Int = 20, after: String): VideoTaskConnection!
  }
  input GrokVideo3Input {
    prompt: String! duration: VideoDuration = SECONDS_10 aspectRatio: VideoAspectRatio = RATIO_16_9 resolution: VideoResolution = RESOLUTION_720P
  }
  input SubmitVideoInput { grokVideo3: GrokVideo3Input! }
  type SubmitVideoPayload { task: VideoTask! }
  type Mutation { submitVideo(input: SubmitVideoInput!): SubmitVideoPayload! }
`;

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (value) => (value as Date).toISOString() }),
  VideoAspectRatio: { RATIO_16_9: '16:9', RATIO_9_16: '9:16', RATIO_1_1: '1:1', RATIO_3_2: '3:2', RATIO_2_3: '2:3' },
  VideoDuration: { SECONDS_6: 6, SECONDS_10: 10, SECONDS_30: 30 },
  VideoResolution: { RESOLUTION_480P: '480p', RESOLUTION_720P: '720p' },
  VideoTask: { options: (task: Task) => optionsOf(task), video: videoOf, failure: failureOf },
  Query: {
    videoTask: (_: unknown, { id }: { id: string }, { client }: Context) => findTask(client, id),
    videoTasks: (_: unknown, { first, after }: { first: number; after?: string | null }, { client }: Context) =>
      listTasks(client, Math.min(first, 100), after),
  },
  Mutation: {
    submitVideo: async (_: unknown, { input }: { input: { grokVideo3: Order } }, { client }: Context) => ({
      task: await submitVideo(client, input.grokVideo3),
    }),
  },
};

export const schema = makeExecutableSchema<Context>({ typeDefs, resolvers });
