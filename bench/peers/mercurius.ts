/** Mercurius with its compiler on: a document is compiled the first time it is seen. It logs nothing by itself. */
import mercurius from 'mercurius';
import { schema } from './schema.ts';
import { contextOf, createServer, serve } from './server.ts';

const server = createServer();
await server.register(mercurius, { schema, jit: 1, graphiql: false, context: contextOf });
await serve(server);
