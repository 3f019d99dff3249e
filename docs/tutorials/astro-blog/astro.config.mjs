import node from '@astrojs/node';
import { defineConfig } from 'astro/config';

// All pages are files, except the preview of drafts, which a small server renders.
export default defineConfig({
  output: 'static',
  adapter: node({ mode: 'standalone' }),
});
