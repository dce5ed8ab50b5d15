import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { clientOf, prisma } from './tasks.ts';

/** The client of an accepted request. */
const clients = new WeakMap<FastifyRequest, string>();

export const contextOf = (request: FastifyRequest): { client: string } => ({ client: clients.get(request) ?? '' });

/**
 * Fastify with its defaults, which log nothing, and with what all peers share: a readiness check, and the refusal of
 * requests without the token.
 */
export function createServer(): FastifyInstance {
  const server = Fastify();
  server.addHook('onRequest', async (request, reply) => {
    if (request.url === '/ready') return;
    const client = clientOf(request.headers.authorization);
    if (client === undefined) return reply.code(401).send({ error: 'Unauthenticated' });
    clients.set(request, client);
  });
  server.get('/ready', async () => {
    await prisma.$queryRaw`SELECT 1`;
    return { status: 'ready' };
  });
  return server;
}

export async function serve(server: FastifyInstance): Promise<void> {
  await server.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
  process.once('SIGTERM', () => void server.close().then(() => process.exit(0)));
}
