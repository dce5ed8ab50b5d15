/**
 * What `npm start` runs: src/main.ts, and what Node makes of the sources is kept for the next start. JavaScript, because
 * for this file, too, Node would load what takes the types out of TypeScript: with everything kept, that is 15 MB for
 * nothing.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Where it cannot be written, a start only takes longer.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/grok-video-graphql'));
await import('./main.ts');
