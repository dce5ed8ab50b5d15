/** Writes schema.graphql, which a test holds to the code: `npm run schema`. */
import { writeFileSync } from 'node:fs';
import { printSdl } from '../src/graphql/schema.ts';

writeFileSync(new URL('../schema.graphql', import.meta.url), printSdl());
