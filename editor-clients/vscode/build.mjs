// Bundles the extension into dist/extension.js, and brings the licence along for the package.
import { copyFileSync } from 'node:fs';
import { build } from 'esbuild';

copyFileSync('../../LICENSE', 'LICENSE');
await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20', // of VS Code 1.91
  external: ['vscode'],
});
