import { getOperationAST, OperationTypeNode } from 'graphql';
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga';
import { checkArgumentsBelow, taskAbove } from '../../graphql/paying.ts';

/**
 * Protects the answers of mutations: arguments below the root field are checked before anything is paid, and an error
 * below a paid order names its task.
 */
export function usePayingOperations(): Plugin {
  /** Requests with a mutation. Their answers must arrive, because the mutation cannot be repeated. */
  const mutations = new WeakSet<Request>();
  return {
    onExecute({ args }) {
      const operation = getOperationAST(args.document, args.operationName);
      const { request } = args.contextValue as { request: Request };
      if (operation?.operation !== OperationTypeNode.MUTATION) return;
      mutations.add(request);
      return checkArgumentsBelow(operation, args);
    },
    // Yoga checks the Accept header only after execution and would answer a paid order with an empty 406. Answering in
    // another form than the client asked for is allowed (RFC 9110, 12.5.1).
    onResultProcess({ request, result, resultProcessor, setResultProcessor }) {
      if (resultProcessor || isAsyncIterable(result) || !mutations.has(request)) return;
      setResultProcessor(processRegularResult as Parameters<typeof setResultProcessor>[0], 'application/json');
    },
    // Yoga's 406 repeats its media types once for each one in the Accept header, which can be megabytes.
    onResponse({ response }) {
      if (response.status === 406) response.headers.set('accept', 'text/event-stream');
    },
    onExecutionResult({ request, result }) {
      if (!result || Array.isArray(result) || !('errors' in result)) return;
      for (const { path, extensions } of result.errors ?? []) {
        const taskId = path ? taskAbove(request, path) : null;
        if (taskId !== null) extensions['taskId'] ??= taskId;
      }
    },
  };
}
