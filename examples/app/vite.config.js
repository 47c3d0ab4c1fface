import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));

// Paths are relative, so that the page works wherever it is served.
export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic' },
  define: { APP: JSON.stringify({ name, version }) },
});
