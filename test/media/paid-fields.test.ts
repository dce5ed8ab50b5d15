import { type GraphQLField, type GraphQLFieldResolver, isObjectType } from 'graphql';
import { expect, onTestFinished, test } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { everythingOf } from '../support/every-field.ts';
import { imageUrl } from '../support/image-orders.ts';
import { imagesOf, orderOf } from '../support/orders.ts';
import { createStoringApp } from '../support/storing-app.ts';

type Field = GraphQLField<unknown, unknown>;
type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** Every field of the contract's own object types, with its name. */
const fields: [string, Field][] = Object.values(schema.getTypeMap())
  .filter((type) => isObjectType(type) && /^(Video|SubmitVideo)/.test(type.name))
  .flatMap((type) =>
    Object.values(isObjectType(type) ? type.getFields() : {}).map((field): [string, Field] => [
      `${type}.${field.name}`,
      field,
    ]),
  );

/** Puts a resolver in the place of a field's own, until the returned function is called. */
function replace(field: Field, by: (own: Resolve) => Resolve): () => void {
  const own = field.resolve ?? ((source, _, __, { fieldName }) => (source as Record<string, unknown>)[fieldName]);
  const undo = () => {
    field.resolve = own;
  };
  field.resolve = by(own);
  onTestFinished(undo);
  return undo;
}

/** The names of the fields that did not come from the row alone: those for which something was waited for. */
function awaitedFields(): { readonly names: Set<string>; undo(): void } {
  const names = new Set<string>();
  const undone = fields.map(([name, field]) =>
    replace(field, (own) => (...parameters) => {
      const value = own(...parameters);
      if (value instanceof Promise) names.add(name);
      return value;
    }),
  );
  return {
    names,
    undo() {
      for (const undo of undone) undo();
    },
  };
}

const input = orderOf('GROK_VIDEO3', { images: imagesOf([imageUrl(1)]) });

const document = `mutation ($input: SubmitVideoInput!, $key: String) {
  submitVideo(input: $input, idempotencyKey: $key) ${everythingOf(schema.getType('SubmitVideoPayload') as never)}
}`;

test('the id of a paid task is in the answer, whichever of the fields beside it cannot be read', async () => {
  const app = await createStoringApp({ settings: { MAX_DEPTH: '20', MAX_TOKENS: '5000' } });
  const order = async () => app.query(document, { input, key: 'the-same' });
  const { id } = (await order()).data.submitVideo.task;
  await app.until(id, 'STORED');

  const awaited = awaitedFields();
  expect((await order()).errors).toBeUndefined();
  awaited.undo();
  expect([...awaited.names]).toEqual(
    expect.arrayContaining(['VideoTask.referenceImages', 'VideoTask.resubmissions', 'VideoResult.storage']),
  );
  for (const name of awaited.names) {
    const [, field] = fields.find(([known]) => known === name) ?? [];
    if (!field) throw new Error(`There is no field ${name}.`);
    const undo = replace(field, () => () => Promise.reject(new Error('The database is gone.')));
    const { data, errors } = await order();
    undo();
    expect(data?.submitVideo?.task?.id, name).toBe(id);
    expect(errors?.length, name).toBeGreaterThan(0);
  }
});
