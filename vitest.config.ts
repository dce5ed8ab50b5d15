import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'service',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**'],
          globalSetup: 'test/support/global-setup.ts',
          // Run as in production: Vite's own module loader would load graphql a second time, as ESM beside CommonJS.
          experimental: { viteModuleRunner: false },
          testTimeout: 30_000,
        },
      },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
});
