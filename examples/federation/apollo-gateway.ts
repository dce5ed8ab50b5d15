/** Apollo's gateway in the place of Hive's: `node apollo-gateway.ts supergraph.graphql 4100` */
import { readFileSync } from 'node:fs';
import { ApolloGateway, type GraphQLDataSourceProcessOptions, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

interface Context {
  /** What the client wants the video service to see. */
  readonly passedOn: Readonly<Record<string, string | string[] | undefined>>;
}

/** The video service, asked on behalf of the client. */
class Videos extends RemoteGraphQLDataSource<Context> {
  override willSendRequest({ request, context }: GraphQLDataSourceProcessOptions<Context>): void {
    // While the gateway starts, there is no client.
    for (const [name, value] of Object.entries(context.passedOn ?? {})) {
      if (typeof value === 'string') request.http?.headers.set(name, value);
    }
  }
}

const [, , supergraph = 'supergraph.graphql', port = '4100'] = process.argv;

const gateway = new ApolloGateway({
  supergraphSdl: readFileSync(supergraph, 'utf8'),
  buildService: ({ name, url = '' }) =>
    name === 'videos' ? new Videos({ url }) : new RemoteGraphQLDataSource({ url }),
});

const { url } = await startStandaloneServer(
  new ApolloServer<Context>({ gateway, includeStacktraceInErrorResponses: false }),
  {
    listen: { host: '127.0.0.1', port: Number(port) },
    context: async ({ req: { headers } }) => ({
      passedOn: {
        authorization: headers.authorization,
        'idempotency-key': headers['idempotency-key'],
        'x-request-id': headers['x-request-id'],
      },
    }),
  },
);
console.log(`Apollo Gateway at ${url}`);
