import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { builder } from './builder.ts';
import './federation.ts';
import './resolve-video-task.ts';
import './submit-video.ts';
import './submit-videos.ts';
import './video-task-history.ts';
import './video-tasks.ts';
import './viewer.ts';

const federation = { url: 'https://specs.apollo.dev/federation/v2.6', import: ['@key', '@shareable'] };

/** The contract. */
export const schema = builder.toSchema({ schemaDirectives: { link: federation } });

/** Composers know @oneOf only where it is declared. */
const oneOf = 'directive @oneOf on INPUT_OBJECT';

let sdl: string | undefined;

/** The contract as the text in schema.graphql, which is what a gateway composes. */
export function printSdl(): string {
  sdl ??= `${oneOf}\n\n${printSchemaWithDirectives(schema)}\n`;
  return sdl;
}
