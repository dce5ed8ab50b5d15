import { printSchema } from 'graphql';
import { builder } from './builder.ts';
import './resolve-video-task.ts';
import './submit-video.ts';
import './submit-videos.ts';
import './video-task-history.ts';
import './video-tasks.ts';
import './viewer.ts';

/** The contract. */
export const schema = builder.toSchema();

/** The contract as the text in schema.graphql. */
export const printSdl = (): string => `${printSchema(schema)}\n`;
