import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most tests wait for a database or a server more than they compute.
    maxWorkers: 4,
    projects: [
      {
        test: {
          name: 'service',
          include: ['test/**/*.test.ts'],
          exclude: [
            '**/*.process.test.ts',
            '**/*.s3.test.ts',
            'test/browser/**',
            'test/faults/**',
            'test/files-drill/**',
            'test/soak/**',
            'test/client/**',
            'test/federation/**',
          ],
          globalSetup: 'test/support/global-setup.ts',
          // Run as in production: Vite's own module loader would load graphql a second time, as ESM beside CommonJS.
          experimental: { viteModuleRunner: false },
          // Modules are loaded once for each worker, not once for each file: that is half of what the suite costs.
          isolate: false,
          // Bounds a test that hangs. Four workers on two cores make a slow one slower.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          // Tests that start the service or a command as a process of its own, and what waits for such a one's clock.
          name: 'process',
          include: ['test/**/*.process.test.ts'],
          globalSetup: 'test/support/global-setup.ts',
          experimental: { viteModuleRunner: false },
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: 'test/support/global-setup.ts',
          experimental: { viteModuleRunner: false },
          // Each of them fills the machine with processes.
          fileParallelism: false,
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'files-drill',
          include: ['test/files-drill/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts', 'test/support/s3-setup.ts'],
          experimental: { viteModuleRunner: false },
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'soak',
          include: ['test/soak/**/*.test.ts'],
          experimental: { viteModuleRunner: false },
          testTimeout: 300_000,
        },
      },
      {
        test: {
          // Tests before an S3 server, which needs packages of the system.
          name: 's3',
          include: ['test/**/*.s3.test.ts'],
          globalSetup: 'test/support/s3-setup.ts',
          experimental: { viteModuleRunner: false },
          testTimeout: 60_000,
          // The server consists of four Python programs, which are slow to start.
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'client', include: ['test/client/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'federation',
          include: ['test/federation/**/*.test.ts'],
          experimental: { viteModuleRunner: false },
          // Each of them starts gateways, which are slow to start.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
