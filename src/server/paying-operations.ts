import type { Plugin } from 'graphql-yoga';
import { checkArgumentsBelow, taskAbove } from '../graphql/paying.ts';

/**
 * Sees to it that the answer to a paid order can be relied on: what could fail below it is looked at before anything is
 * paid, and what fails all the same says which task was ordered.
 */
export function usePayingOperations(): Plugin {
  return {
    onExecute: ({ args }) => checkArgumentsBelow(args),
    onExecutionResult({ request, result }) {
      if (!result || Array.isArray(result) || !('errors' in result)) return;
      for (const { path, extensions } of result.errors ?? []) {
        const taskId = path ? taskAbove(request, path) : null;
        if (taskId !== null) extensions['taskId'] ??= taskId;
      }
    },
  };
}
