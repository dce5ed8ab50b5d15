import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { builder } from './builder.ts';
import './cancel-video-task.ts';
import './delete-video-file.ts';
import './federation.ts';
import './resolve-video-task.ts';
import './submit-video.ts';
import './submit-videos.ts';
import './video-task-history.ts';
import './video-tasks.ts';
import './video-client.ts';
import './video-waiting.ts';
import './video-image-upload.ts';

const federation = { url: 'https://specs.apollo.dev/federation/v2.6', import: ['@key', '@shareable'] };

export const schema = builder.toSchema({ schemaDirectives: { link: federation } });

/**
 * Definitions of the directives and scalars that the schema uses. Composers know all of them except @oneOf, but tools
 * that know only GraphQL (`buildSchema`, code generators) know none. The names are those that Federation itself uses.
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
  """To execute operations."""
  EXECUTION
  """To keep operations secure."""
  SECURITY
}`;

let sdl: string | undefined;

/** The contract as SDL: the text of schema.graphql, which gateways compose. */
export function printSdl(): string {
  sdl ??= `${definitions}\n\n${printSchemaWithDirectives(schema)}\n`;
  return sdl;
}
