import { z } from 'zod';
import { isModelName, type ModelName } from '../catalogue/models.ts';
import type { VideoTask as Task } from '../tasks/task.ts';
import { builder, type Context } from './builder.ts';
import { invalidInput } from './public-error.ts';
import { taskId } from './task-id.ts';
import { VideoModel } from './video-model.ts';
import { VideoTask } from './video-task.ts';

/** A gateway's reference to an entity of this service: its type and its key. */
const representation = z.discriminatedUnion('__typename', [
  z.looseObject({ __typename: z.literal('VideoTask'), id: taskId }),
  z.looseObject({ __typename: z.literal('VideoModel'), name: z.string() }),
]);

const form = 'must be { __typename: "VideoTask", id } or { __typename: "VideoModel", name }';

/** How many entities one request may ask for. */
const maxRepresentations = 1_000;

/**
 * How many invalid references get an error of their own. More are one error, because graphql takes time to locate each.
 */
const maxErrors = 20;

/** The complexity of looking an entity up, beside that of its fields. */
const entityWeight = 4;

builder.scalarType('_Any', {
  description: "A gateway's reference to an entity: its `__typename` and the fields of its key.",
  serialize: (value) => value,
});

const Entity = builder.unionType('_Entity', {
  description: 'A type to which other graphs can refer.',
  types: [VideoTask, VideoModel],
  resolveType: (entity) => (typeof entity === 'string' ? VideoModel : VideoTask),
});

/** The SDL is printed on request, because the schema that it prints does not exist yet. */
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
      'The entities that a gateway asks for, in the order of `representations`: null for one that does not exist or is not yours. An invalid reference yields BAD_USER_INPUT in its place; more than 20 of them yield one error for the whole list.',
    complexity: ({ representations: { length } }) => ({ field: 1 + entityWeight * length, multiplier: length }),
    args: {
      representations: t.arg({
        type: ['_Any'],
        required: true,
        description: `References to the entities: ${maxRepresentations} at most. Each adds ${entityWeight} to the document's complexity, beside its fields.`,
        validate: z.array(z.unknown()).max(maxRepresentations, `must be at most ${maxRepresentations}`),
      }),
    },
    resolve: (_, { representations }, context) => findEntities(representations, context),
  }),
}));

/**
 * Reads all tasks at once. An error in the returned list is reported at that place, and the other entities are
 * answered.
 */
async function findEntities(
  asked: readonly unknown[],
  { tasks: reader }: Context,
): Promise<(Task | ModelName | null)[]> {
  const parsed = asked.map((item) => representation.safeParse(item).data);
  const issues = parsed.flatMap((item, index) => (item ? [] : [{ path: ['representations', index], message: form }]));
  // Many invalid references become one error, because locating each takes time.
  if (issues.length > maxErrors) throw invalidInput(issues);
  const ids = parsed.flatMap((item) => (item?.__typename === 'VideoTask' ? [item.id] : []));
  const tasks = await reader.findMany(ids);
  return parsed.map((item, index) => {
    if (!item) return invalidInput([{ path: ['representations', index], message: form }]) as never;
    if (item.__typename === 'VideoTask') return tasks.get(item.id) ?? null;
    return isModelName(item.name) ? item.name : null;
  });
}
