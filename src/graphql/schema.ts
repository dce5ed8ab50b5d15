import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { builder } from './builder.ts';
import './federation.ts';
import './resolve-video-task.ts';
import './submit-video.ts';
import './submit-videos.ts';
import './video-task-history.ts';
import './video-tasks.ts';
import './video-client.ts';

const federation = { url: 'https://specs.apollo.dev/federation/v2.6', import: ['@key', '@shareable'] };

/** The contract. */
export const schema = builder.toSchema({ schemaDirectives: { link: federation } });

/**
 * What the schema uses and does not define: composers would know all of it but @oneOf, tools that only know GraphQL
 * (`buildSchema`, code generators) none. The names are those that Federation gives what it defines itself.
 */
const definitions = `directive @oneOf on INPUT_OBJECT

directive @link(url: String!, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA

directive @key(fields: federation__FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE

directive @shareable repeatable on OBJECT | FIELD_DEFINITION

"""The fields of a key, as a selection of fields."""
scalar federation__FieldSet

"""The name of something that a schema takes from another specification."""
scalar link__Import

"""What a specification is needed for."""
enum link__Purpose {
  """To answer at all."""
  EXECUTION
  """To keep what is asked safe."""
  SECURITY
}`;

let sdl: string | undefined;

/** The contract as the text in schema.graphql, which is what a gateway composes. */
export function printSdl(): string {
  sdl ??= `${definitions}\n\n${printSchemaWithDirectives(schema)}\n`;
  return sdl;
}
