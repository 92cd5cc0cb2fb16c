// Bundles the extension into dist/extension.js, and brings along the licence, the server as a wheel, and what installs it.
// PYTHON names another Python than python3; with what the server is built with, it needs no network.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

copyFileSync('../../LICENSE', 'LICENSE');
rmSync('server', { recursive: true, force: true });
mkdirSync('server');
copyFileSync('../install_server.py', 'server/install_server.py');
const { PYTHON: python = 'python3' } = process.env;
const here = process.env.PYTHON ? ['--no-build-isolation'] : [];
execFileSync(python, ['-m', 'pip', 'wheel', '--quiet', '--no-deps', ...here, '--wheel-dir', 'server', '../..'], { stdio: 'inherit' });
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
