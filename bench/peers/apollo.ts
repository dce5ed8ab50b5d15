/** Apollo Server on Fastify with its defaults for NODE_ENV=production: CSRF prevention, a bounded cache of documents. */
import { ApolloServer } from '@apollo/server';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import { type Context, schema } from './schema.ts';
import { contextOf, createServer, serve } from './server.ts';

const server = createServer();
const apollo = new ApolloServer<Context>({ schema, plugins: [fastifyApolloDrainPlugin(server)] });
await apollo.start();
await server.register(fastifyApollo(apollo), { context: async (request) => contextOf(request) });
await serve(server);
