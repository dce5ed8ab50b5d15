/** How the fast path does justice to a hook of a plugin that it does not call. */
interface Honoured {
  readonly by: 'doing the same' | 'taking no request that it affects' | 'giving up to Yoga';
  readonly how: string;
}

/** A row has one entry for each hook of its plugin: a hook that is new has an effect that is new. */
type Row = Readonly<Record<string, Honoured>>;

/** The fast path has the effect as well. */
const same = (how: string): Honoured => ({ by: 'doing the same', how });

/** Under this condition, on which the fast path takes a request, the hook has no effect. */
const noEffect = (how: string): Honoured => ({ by: 'taking no request that it affects', how });

/** The fast path sees while it answers that the hook would have an effect, and the request begins again in Yoga. */
const givesUp = (how: string): Honoured => ({ by: 'giving up to Yoga', how });

const once =
  'The cached document went through this hook when Yoga executed it, and the outcome depends on nothing else.';
const onlyPost = 'Only POST to exactly /graphql is taken.';
const onlyJson =
  'Only POST with exactly application/json, no Content-Encoding, is taken, and its body is parsed as JSON.';
const noSubscription = 'Only documents whose operations are all queries are cached.';
const onlyData = 'An answer with errors is never sent.';
const noOrigin = 'A request with an Origin is not taken.';

/** The plugins of this service, in their order in Yoga. createGraphqlServer can install no other, because of its types. */
export const pluginsOfOurs = {
  requestId: {
    onRequest: same('createFastPath takes or makes the id with requestIdFor and runs all in withRequest.'),
    onResponse: same('send writes the header.'),
  },
  securityHeaders: { onResponse: same('send writes securityHeaders.') },
  readiness: { onRequest: noEffect(onlyPost) },
  authentication: {
    onRequestParse: same(
      'Authenticator.withKey finds the caller; without a key, or with another token, Yoga is asked.',
    ),
  },
  requestBody: {
    onRequest: noEffect(onlyJson),
    onRequestParse: same(
      'textIn, excessIn and maxBodyBytes are asked before the body is parsed; Yoga says what is wrong.',
    ),
    onResponse: noEffect('The body is read to its end.'),
  },
  queryCache: {
    onParams: noEffect('It only learns, and what the fast path answers is learned.'),
    onExecute: noEffect('It only learns.'),
    onResponse: noEffect('It only learns.'),
  },
  persistedOperations: {
    onParams: same('A document is cached by the text or the id in the body for which this hook let it in.'),
    onParse: noEffect(once),
    onValidate: noEffect(once),
  },
  noPersistedOperations: {
    onParams: same('A document is cached by its text, and an id alone is the key of none.'),
  },
  documentLimits: {
    onSchemaChange: noEffect('The schema never changes.'),
    onParse: noEffect(once),
    onValidate: noEffect(once),
  },
  variables: {
    onExecute: givesUp(
      'QueryCache.find asks getVariableValues, the rules of GraphQL, and Yoga says what does not fit.',
    ),
    onSubscribe: noEffect(noSubscription),
  },
  payingOperations: {
    onExecute: noEffect(noSubscription),
    onResultProcess: noEffect(noSubscription),
    onResponse: noEffect('Only an Accept header with which Yoga answered a query with 200 is taken.'),
    onExecutionResult: givesUp(onlyData),
  },
  eventStreams: {
    onSubscribe: noEffect(noSubscription),
    onExecutionResult: noEffect(noSubscription),
    onResultProcess: noEffect(noSubscription),
  },
} as const satisfies Record<string, Row>;

/** The plugins that Yoga adds by the options of createGraphqlServer, in their order; Yoga gives them no names. */
export const pluginsOfYoga = {
  useEngine: {
    onExecute: same('graphql-jit or graphql-js executes; a test compares both with Yoga on generated documents.'),
    onParse: noEffect(once),
    onValidate: noEffect(once),
    onSubscribe: noEffect(noSubscription),
  },
  useSchema: { onPluginInit: same('QueryCache uses the same schema.') },
  useExtendContext: {
    onContextBuilding: same('fastAnswer makes the context of the same parts; no query reads `request`.'),
  },
  useHealthCheck: { onRequest: noEffect(onlyPost) },
  useCORS: { onRequest: noEffect(onlyPost), onResponse: noEffect(noOrigin) },
  useGraphiQL: { onRequest: noEffect(onlyPost) },
  useRequestParserOfGet: { onRequestParse: noEffect(onlyPost) },
  useRequestParserOfJson: {
    onRequestParse: same('The plugin requestBody replaces this parser, and fastAnswer does as it does.'),
  },
  useRequestParserOfGraphqlString: { onRequestParse: noEffect(onlyJson) },
  useRequestParserOfForm: { onRequestParse: noEffect(onlyJson) },
  useResultProcessors: {
    onSubscribe: noEffect(noSubscription),
    onResultProcess: same('The content type is the one with which Yoga answered a query with the same Accept header.'),
  },
  useParserAndValidationCache: { onParse: noEffect(once), onValidate: noEffect(once) },
  useLimitBatching: { onRequestParse: givesUp('A batch has no document in the cache.') },
  useCheckGraphQLQueryParams: {
    onParams: givesUp(
      'The key of a document holds all parameters but variables and operationName, whose types are checked.',
    ),
  },
  useUnhandledRoute: { onRequest: noEffect(onlyPost) },
  useCheckMethodForGraphQL: { onRequestParse: noEffect(onlyPost) },
  usePreventMutationViaGET: {
    onParse: givesUp('Only POST is taken, and a request whose operation cannot be found is given up.'),
  },
  rethrowsAborts: { onSubscribe: noEffect(noSubscription) },
  useMaskedErrors: {
    onPluginInit: givesUp(onlyData),
    onExecute: givesUp(onlyData),
    onSubscribe: noEffect(noSubscription),
  },
  useHTTPValidationError: { onValidate: noEffect(once) },
} as const satisfies Record<string, Row>;
