/** The alternative without GraphQL: three routes on Fastify, with its compiled validation and serialisation. */
import { contextOf, createServer, serve } from './server.ts';
import { failureOf, findTask, listTasks, optionsOf, submitVideo, type Task, videoOf } from './tasks.ts';

const nullable = (type: string) => ({ type, nullable: true });
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

const task = object({
  id: { type: 'string' },
  status: { type: 'string' },
  model: { type: 'string' },
  prompt: { type: 'string' },
  createdAt: { type: 'string', format: 'date-time' },
  completedAt: { ...nullable('string'), format: 'date-time' },
  options: object({
    durationSeconds: { type: 'integer' },
    aspectRatio: { type: 'string' },
    resolution: { type: 'string' },
  }),
  video: object({ url: nullable('string'), state: { type: 'string' } }, { nullable: true }),
  failure: object({ code: { type: 'string' } }, { nullable: true }),
});

const page = object({
  edges: { type: 'array', items: object({ cursor: { type: 'string' }, node: task }) },
  pageInfo: object({ hasNextPage: { type: 'boolean' }, endCursor: nullable('string') }),
});

const aspectRatios = { RATIO_16_9: '16:9', RATIO_9_16: '9:16', RATIO_1_1: '1:1', RATIO_3_2: '3:2', RATIO_2_3: '2:3' };
const durations = { SECONDS_6: 6, SECONDS_10: 10, SECONDS_30: 30 };
const resolutions = { RESOLUTION_480P: '480p', RESOLUTION_720P: '720p' };

const order = object(
  {
    prompt: { type: 'string' },
    duration: { enum: Object.keys(durations), default: 'SECONDS_10' },
    aspectRatio: { enum: Object.keys(aspectRatios), default: 'RATIO_16_9' },
    resolution: { enum: Object.keys(resolutions), default: 'RESOLUTION_720P' },
  },
  { required: ['prompt'], additionalProperties: false },
);

const shown = (row: Task) => ({ ...row, options: optionsOf(row), video: videoOf(row), failure: failureOf(row) });

const server = createServer();

server.get<{ Params: { id: string } }>(
  '/tasks/:id',
  { schema: { response: { 200: task } } },
  async (request, reply) => {
    const found = await findTask(contextOf(request).client, request.params.id);
    return found ? shown(found) : reply.code(404).send({ error: 'Not found' });
  },
);

const query = object({ first: { type: 'integer', minimum: 0, maximum: 100, default: 20 }, after: { type: 'string' } });

server.get<{ Querystring: { first: number; after?: string } }>(
  '/tasks',
  { schema: { querystring: query, response: { 200: page } } },
  async (request) => {
    const { edges, pageInfo } = await listTasks(contextOf(request).client, request.query.first, request.query.after);
    return { edges: edges.map(({ cursor, node }) => ({ cursor, node: shown(node) })), pageInfo };
  },
);

interface PostedOrder {
  readonly prompt: string;
  readonly duration: keyof typeof durations;
  readonly aspectRatio: keyof typeof aspectRatios;
  readonly resolution: keyof typeof resolutions;
}

server.post<{ Body: PostedOrder }>(
  '/tasks',
  { schema: { body: order, response: { 201: task } } },
  async (request, reply) => {
    const { prompt, duration, aspectRatio, resolution } = request.body;
    const meant = {
      prompt,
      duration: durations[duration],
      aspectRatio: aspectRatios[aspectRatio],
      resolution: resolutions[resolution],
    };
    return reply.code(201).send(shown(await submitVideo(contextOf(request).client, meant)));
  },
);

await serve(server);
