// Learns, answers and writes a PEFT folder, on Node: node adapt.mjs [OUT]
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHandful } from 'handful';

const pocket = path.join(path.dirname(fileURLToPath(import.meta.resolve('handful/package.json'))), 'pocket');
const h = await createHandful({ base: path.join(pocket, 'base'), inventory: path.join(pocket, 'inventory') });
const fit = await h.adapt({
  examples: [
    { input: 'walk', output: 'walks' },
    { input: 'try', output: 'tries' },
    { input: 'eat', output: 'eats' },
    { input: 'wash', output: 'washes' },
  ],
  method: 'z',
  steps: 20,
  onStep: ({ step, loss }) => console.error(`step ${step}: loss ${loss.toFixed(3)}`),
});

let answer = '';
for await (const piece of h.generate('jump', { adapter: fit })) answer += piece;
console.log(answer.trim());

const out = process.argv[2] ?? 'adapter';
for (const { name, bytes } of await fit.export()) {
  await mkdir(path.dirname(path.join(out, name)), { recursive: true });
  await writeFile(path.join(out, name), bytes);
}
await h.dispose();
