import { z } from 'zod';
import { isModelName, type ModelName } from '../catalogue/models.ts';
import type { VideoTask as Task } from '../tasks/task.ts';
import { builder, type Context } from './builder.ts';
import { invalidInput } from './public-error.ts';
import { taskId } from './task-id.ts';
import { VideoModel } from './video-model.ts';
import { VideoTask } from './video-task.ts';

/** What a gateway knows of an entity of ours: its type and its key. */
const representation = z.discriminatedUnion('__typename', [
  z.looseObject({ __typename: z.literal('VideoTask'), id: taskId }),
  z.looseObject({ __typename: z.literal('VideoModel'), name: z.string() }),
]);

const form = 'must be { __typename: "VideoTask", id } or { __typename: "VideoModel", name }';

/** As many as one request of a gateway may ask for. */
const maxRepresentations = 1_000;

/** So many entities get an error of their own at most: each error looks for its place in the document. */
const maxErrors = 20;

/** What an entity weighs beside its fields, because it is looked up. */
const entityWeight = 4;

builder.scalarType('_Any', {
  description: 'What a gateway knows of an entity: its `__typename` and the fields of its key.',
  serialize: (value) => value,
});

const Entity = builder.unionType('_Entity', {
  description: 'What other graphs can refer to.',
  types: [VideoTask, VideoModel],
  resolveType: (entity) => (typeof entity === 'string' ? VideoModel : VideoTask),
});

/** The SDL is the schema's own, which is built from this: so it is asked for when it is there. */
const Service = builder.objectRef<object>('_Service').implement({
  description: 'This service as a subgraph.',
  fields: (t) => ({
    sdl: t.string({
      description: 'The schema as a gateway composes it.',
      resolve: (_, __, { sdl }) => sdl(),
    }),
  }),
});

builder.queryFields((t) => ({
  _service: t.field({
    type: Service,
    skipTypeScopes: true,
    description: 'This service as a subgraph of a federated graph. Takes no scope.',
    resolve: () => ({}),
  }),

  _entities: t.field({
    type: [Entity],
    nullable: { list: false, items: true },
    description:
      'The entities that a gateway asks for, in its order: null for one that is not there, or not yours. BAD_USER_INPUT in the place of one that is none of ours, or of all where there are more than 20 of those.',
    complexity: ({ representations: { length } }) => ({ field: 1 + entityWeight * length, multiplier: length }),
    args: {
      representations: t.arg({
        type: ['_Any'],
        required: true,
        description: `What is known of the entities: ${maxRepresentations} at most. Each adds ${entityWeight} to the document's complexity, beside its fields.`,
        validate: z.array(z.unknown()).max(maxRepresentations, `must be at most ${maxRepresentations}`),
      }),
    },
    resolve: (_, { representations }, context) => findEntities(representations, context),
  }),
}));

/** All tasks are read at once, however many there are. An error in the list is one in that place: the rest is answered. */
async function findEntities(
  asked: readonly unknown[],
  { tasks: reader }: Context,
): Promise<(Task | ModelName | null)[]> {
  const parsed = asked.map((item) => representation.safeParse(item).data);
  const issues = parsed.flatMap((item, index) => (item ? [] : [{ path: ['representations', index], message: form }]));
  // A gateway that sends so many is not told of each by an error of its own.
  if (issues.length > maxErrors) throw invalidInput(issues);
  const ids = parsed.flatMap((item) => (item?.__typename === 'VideoTask' ? [item.id] : []));
  const tasks = await reader.findMany(ids);
  return parsed.map((item, index) => {
    if (!item) return invalidInput([{ path: ['representations', index], message: form }]) as never;
    if (item.__typename === 'VideoTask') return tasks.get(item.id) ?? null;
    return isModelName(item.name) ? item.name : null;
  });
}
