import { getOperationAST, OperationTypeNode } from 'graphql';
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga';
import { checkArgumentsBelow, taskAbove } from '../../graphql/paying.ts';

/**
 * Sees to it that the answer to a paid order can be relied on: what could fail below it is looked at before anything is
 * paid, and what fails all the same says which task was ordered.
 */
export function usePayingOperations(): Plugin {
  /** What has been done for these cannot be done again, so that their answers must arrive. */
  const mutations = new WeakSet<Request>();
  return {
    onExecute({ args }) {
      const operation = getOperationAST(args.document, args.operationName);
      const { request } = args.contextValue as { request: Request };
      if (operation?.operation !== OperationTypeNode.MUTATION) return;
      mutations.add(request);
      return checkArgumentsBelow(operation, args);
    },
    // Yoga would look only now at what the client accepts, and answer a paid order with an empty 406. To be answered in
    // another form than one has asked for is allowed (RFC 9110, 12.5.1).
    onResultProcess({ request, result, resultProcessor, setResultProcessor }) {
      if (resultProcessor || isAsyncIterable(result) || !mutations.has(request)) return;
      setResultProcessor(processRegularResult as Parameters<typeof setResultProcessor>[0], 'application/json');
    },
    // Yoga names what it has once for each form that the client has named: that can be megabytes.
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
