import { z } from 'zod';

/** Longer than any task id, so a longer text can be cut to this and still matches none. */
const maxIdLength = 255;

/** The schema of a task id. It converts a UUID to lower case, as the database stores it. */
export const taskId = z.string().transform((id) => id.slice(0, maxIdLength).toLowerCase());

export const taskIdDescription = "The task's id; in upper case it is the same.";
