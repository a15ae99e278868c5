// A server for the tests: the built page at /, the repository's own data at
// /testdata/, the base model at /base.gguf where it is there, and an empty
// page. A test may answer a path by itself.
import { createServer } from 'node:http';
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The real base model, from the repository's root. */
export const baseModel = '.cache/base/SmolLM2-135M-Instruct.Q4_1.gguf';

/** For test(): why a test that needs the base model is skipped. */
export const noModel = existsSync(path.join(root, baseModel)) ? false : 'no base model: run `make base`';

const types = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm', '.webmanifest': 'application/manifest+json', '.json': 'application/json', '.jsonl': 'text/plain',
};

/**
 * Starts the server. answers maps a path to (request, response) => void, or to
 * another path. at is the path that the page lies under. A plain server sends
 * no headers but those of any static host. log lists the paths that were asked
 * for.
 */
export async function serve({ dir = path.join(root, 'dist/site'), at = '/', plain = false, port = 0, answers = new Map(), log = [] } = {}) {
  answers.set('/empty.html', (_, response) => response.end('<!doctype html><meta charset=utf-8><title>empty</title><link rel=icon href=data:,>'));
  const server = createServer(async (request, response) => {
    let where = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    log.push(where);
    const answer = answers.get(where);
    if (typeof answer === 'string') where = answer;
    if (at !== '/' && !where.startsWith(at)) return response.writeHead(404).end('not under the page');
    where = '/' + where.slice(at.length);
    if (where.endsWith('/')) where += 'index.html';
    if (!plain) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      response.setHeader('Cache-Control', 'no-store');
    }
    response.setHeader('Content-Type', types[path.extname(where)] ?? 'application/octet-stream');
    if (typeof answer === 'function') return answer(request, response);
    const file = where === '/base.gguf' ? path.join(root, baseModel) : /^\/(testdata|assets|bench|dist\/bench|e2e\/lib)\//.test(where) ? path.join(root, where) : path.join(dir, where);
    const info = await stat(file).catch(() => null);
    if (!info?.isFile()) return response.writeHead(404).end('no such file');
    response.setHeader('Content-Length', info.size);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { origin: `http://127.0.0.1:${server.address().port}`, answers, log, close };
}

/**
 * Lays the scripts of the engine's Worker into a folder of their own, of a
 * build that knows no files: a test puts its own engine.wasm beside them.
 */
export function workerIn(folder, answers) {
  for (const script of ['engine-worker.js', 'crew.mjs', 'crew-worker.js', 'program.mjs', 'models.mjs', 'store.mjs', 'gpu-shim.js', 'wasm_exec.js']) answers.set(folder + script, `/${script}`);
  answers.set(folder + 'build.js', (_, response) => response.end("globalThis.handfulBuild = { id: 'test', files: {} };"));
}
