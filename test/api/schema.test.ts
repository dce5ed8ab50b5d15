import { readFile } from 'node:fs/promises';
import {
  getIntrospectionQuery,
  type IntrospectionEnumType,
  type IntrospectionInputObjectType,
  type IntrospectionInputTypeRef,
  type IntrospectionQuery,
  type IntrospectionType,
} from 'graphql';
import { expect, test } from 'vitest';
import { capabilityOf, type ModelName, modelNames, optionsOf } from '../../src/catalogue/models.ts';
import { printSdl } from '../../src/graphql/schema.ts';
import { failures } from '../../src/tasks/failures.ts';
import { taskStatuses } from '../../src/tasks/task.ts';
import { createTestApp } from '../support/app.ts';
import { fieldOf, inContractWords, optionNames, ratioWord, resolutionWord, variantOf } from '../support/orders.ts';

/** The public types, as a client sees them. */
async function readSchema(): Promise<Map<string, IntrospectionType>> {
  const { query } = await createTestApp();
  const { data } = await query(getIntrospectionQuery({ oneOf: true, inputValueDeprecation: true }));
  const { types } = (data as IntrospectionQuery).__schema;
  const builtIn = ['String', 'Int', 'Float', 'Boolean', 'ID'];
  const own = types.filter(({ name }) => !name.startsWith('__') && !builtIn.includes(name));
  return new Map(own.map((type) => [type.name, type]));
}

/** The type without its list and non-null wrappers, and with them, as SDL writes it. */
function nameOf(type: IntrospectionInputTypeRef): string {
  return type.kind === 'LIST' || type.kind === 'NON_NULL' ? nameOf(type.ofType) : type.name;
}

function inSdl(type: IntrospectionInputTypeRef): string {
  if (type.kind === 'NON_NULL') return `${inSdl(type.ofType)}!`;
  return type.kind === 'LIST' ? `[${inSdl(type.ofType)}]` : type.name;
}

/** The fields of a model's input by name, found the way a client finds them. */
function inputFieldsOf(types: Map<string, IntrospectionType>, model: ModelName) {
  const submit = types.get('SubmitVideoInput') as IntrospectionInputObjectType;
  const variant = submit.inputFields.find(({ name }) => name === variantOf(model))!;
  const { inputFields } = types.get(nameOf(variant.type)) as IntrospectionInputObjectType;
  return new Map(inputFields.map((field) => [field.name, field]));
}

function enumWords(types: Map<string, IntrospectionType>, name: string): Set<string> {
  return new Set((types.get(name) as IntrospectionEnumType).enumValues.map((value) => value.name));
}

/** A type and all there is in it, each by its path. */
function partsOf(type: IntrospectionType): { path: string; description?: string | null | undefined }[] {
  const parts = [{ path: type.name, description: type.description }];
  const add = (name: string, description: string | null | undefined) =>
    parts.push({ path: `${type.name}.${name}`, description });
  if (type.kind === 'ENUM') for (const value of type.enumValues) add(value.name, value.description);
  if (type.kind === 'INPUT_OBJECT') for (const field of type.inputFields) add(field.name, field.description);
  if (type.kind === 'OBJECT') {
    for (const field of type.fields) {
      add(field.name, field.description);
      for (const argument of field.args) add(`${field.name}(${argument.name})`, argument.description);
    }
  }
  return parts;
}

test('schema.graphql is what the code serves', async () => {
  expect(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8')).toBe(printSdl());
});

test('every type, field, argument and value of the contract has a description', async () => {
  const parts = [...(await readSchema()).values()].flatMap(partsOf);
  // The walk has reached each kind of part.
  expect(parts.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'DateTime',
      'VideoTask.id',
      'Query.videoTask(id)',
      'VideoTaskFilter.statuses',
      'VideoMode.TEXT_TO_VIDEO',
    ]),
  );
  expect(parts.filter(({ description }) => !description?.trim()).map(({ path }) => path)).toEqual([]);
});

test('SubmitVideoInput takes exactly one of the models', async () => {
  const input = (await readSchema()).get('SubmitVideoInput') as IntrospectionInputObjectType;
  expect(input.isOneOf).toBe(true);
  expect(new Set(input.inputFields.map(({ name }) => name))).toEqual(new Set(modelNames.map(variantOf)));
});

test.each(modelNames)('the input of %s has a field for each rule of its row and no other', async (model) => {
  const fields = inputFieldsOf(await readSchema(), model);
  const settable = optionNames.filter((name) => optionsOf(model)[name].settable);
  expect(new Set(fields.keys())).toEqual(new Set(['prompt', 'images', ...settable.map(fieldOf)]));
  expect(inSdl(fields.get('prompt')!.type)).toBe('String!');
  const images = fields.get('images')!;
  expect(inSdl(images.type)).toBe(`[${nameOf(images.type)}!]`);
});

test.each(modelNames)('an image in an order from %s has exactly one of the forms of its row', async (model) => {
  const types = await readSchema();
  const image = types.get(nameOf(inputFieldsOf(types, model).get('images')!.type)) as IntrospectionInputObjectType;
  expect(image.isOneOf).toBe(true);
  const { forms } = capabilityOf(model).images;
  expect(new Set(image.inputFields.map(({ name }) => name))).toEqual(new Set(forms));
});

test('an order from GROK_VIDEO3_PRO can say nothing but a prompt and images', async () => {
  const fields = inputFieldsOf(await readSchema(), 'GROK_VIDEO3_PRO');
  expect(new Set(fields.keys())).toEqual(new Set(['prompt', 'images']));
});

test.each(modelNames)(
  'the input of %s has the values and defaults of its row, and may leave each out',
  async (model) => {
    const types = await readSchema();
    const fields = inputFieldsOf(types, model);
    const options = optionsOf(model);
    for (const name of optionNames.filter((name) => options[name].settable)) {
      const { type, defaultValue } = fields.get(fieldOf(name))!;
      const word = (value: string | number) => String(inContractWords({ [name]: value })[fieldOf(name)]);
      expect(type.kind).not.toBe('NON_NULL');
      expect(defaultValue).toBe(word(options[name].default));
      expect(enumWords(types, nameOf(type))).toEqual(new Set(options[name].values.map(word)));
    }
  },
);

test('the enums of answers have a value for everything that can be answered', async () => {
  const types = await readSchema();
  const options = modelNames.map(optionsOf);
  const ratios = options.flatMap(({ aspectRatio }) => aspectRatio.values.map(ratioWord));
  const resolutions = options.flatMap(({ resolution }) => resolution.values.map(resolutionWord));
  expect(enumWords(types, 'VideoModelName')).toEqual(new Set(modelNames));
  expect(enumWords(types, 'VideoTaskStatus')).toEqual(new Set(Object.keys(taskStatuses)));
  expect(enumWords(types, 'VideoFailureCode')).toEqual(new Set(Object.keys(failures)));
  expect(enumWords(types, 'VideoAspectRatio')).toEqual(new Set(ratios));
  expect(enumWords(types, 'VideoResolution')).toEqual(new Set(resolutions));
});
