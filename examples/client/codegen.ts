import type { CodegenConfig } from '@graphql-codegen/cli';

/** Types for the documents in src/, from the service's schema. Its URL will do too, where introspection is on. */
const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: 'src/*.ts',
  generates: {
    'src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        importExtension: '.ts',
        useTypeImports: true,
        // A scalar without a type here is an error instead of an `any`.
        strictScalars: true,
        scalars: {
          DateTime: 'string',
          VideoImageUrl: 'string',
          VideoImageDataUri: 'string',
          _Any: 'unknown',
          federation__FieldSet: 'string',
          link__Import: 'unknown',
        },
      },
    },
  },
};

export default config;
