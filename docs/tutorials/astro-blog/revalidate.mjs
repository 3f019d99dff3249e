// Builds the blog and serves it; builds it again for each genuine webhook of Tandem.
import { spawn } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:http';

const { WEBHOOK_SECRET = '', WEBHOOK_PORT = '4322', BLOG_PORT = '4321' } = process.env;
const KEY = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64');
const TOLERANCE_S = 300;
const BODY_BYTES_MAX = 65_536;
const RETRY_MS = 30_000;

if (KEY.length < 24) throw new Error('WEBHOOK_SECRET is missing: see step 5 of the tutorial.');

function isGenuine(headers, body) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const ageS = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!(ageS <= TOLERANCE_S)) return false; // a copy of an old request keeps its signature
  const expected = createHmac('sha256', KEY).update(`${id}.${timestamp}.`).update(body).digest();
  const [version, signature = ''] = (headers['webhook-signature'] ?? '').split(',');
  const given = Buffer.from(signature, 'base64');
  return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
}

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error('No webhook is as long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

let site;

/** Build beside the old files, and put the new ones in their place. */
async function build() {
  const [status] = await once(spawn('astro', ['build', '--outDir', 'next'], { stdio: 'inherit' }), 'exit');
  if (status !== 0) throw new Error('The build failed; the old files stay.');
  if (site?.kill()) await once(site, 'exit');
  await rm('dist', { recursive: true, force: true });
  await rename('next', 'dist');
  const env = { ...process.env, HOST: '127.0.0.1', PORT: BLOG_PORT };
  site = spawn(process.execPath, ['dist/server/entry.mjs'], { stdio: 'inherit', env });
  site.on('exit', (code) => code && process.exit(code)); // another program has the port, say
}

let isBuilding = false;
let isStale = false;

/** Build now, or once more after the build that is running. */
async function rebuild() {
  isStale = true;
  if (isBuilding) return;
  isBuilding = true;
  try {
    while (isStale) {
      isStale = false;
      await build();
    }
  } catch (error) {
    console.error(error.message);
    setTimeout(rebuild, RETRY_MS);
  } finally {
    isBuilding = false;
  }
}

const receiver = createServer(async (request, response) => {
  try {
    const isAccepted = isGenuine(request.headers, await read(request));
    response.writeHead(isAccepted ? 202 : 401).end(); // before the build: Tandem waits ten seconds at most
    if (isAccepted) rebuild();
  } catch {
    response.socket?.destroy();
  }
});
receiver.listen(Number(WEBHOOK_PORT), '127.0.0.1');

process.on('exit', () => site?.kill());
process.on('SIGINT', () => process.exit());
process.on('SIGTERM', () => process.exit());
rebuild();
