import { z } from 'zod';

/** More than any id of a task has; a longer text is none, however it begins. */
const maxIdLength = 255;

/** The id of a task as the database has it: a UUID in upper case is the same. */
export const taskId = z.string().transform((id) => id.slice(0, maxIdLength).toLowerCase());

export const taskIdDescription = "The task's id; in upper case it is the same.";
