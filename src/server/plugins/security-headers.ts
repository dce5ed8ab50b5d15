import type { Plugin } from 'graphql-yoga';

/**
 * Headers of every response. They tell browsers not to guess its type, not to show it in a frame and not to store it.
 */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  vary: 'Origin',
};

export function useSecurityHeaders(): Plugin {
  return {
    onResponse({ response }) {
      for (const [name, value] of Object.entries(securityHeaders)) response.headers.set(name, value);
    },
  };
}
