import { createHandful, HandfulError, type Progress, type Step } from 'handful';

const output = document.querySelector('output')!;
const show = (text: string) => (output.value = text);

async function run(): Promise<void> {
  const h = await createHandful({
    base: './pocket/base/', // from public/, as any model would be
    inventory: './pocket/inventory/',
    onProgress: ({ status, file }: Progress) => show(`${status} ${file ?? ''}`),
  });
  try {
    const fit = await h.adapt({
      examples: 'walk => walks\ntry => tries\neat => eats\nwash => washes',
      method: 'z',
      steps: 20,
      onStep: ({ step, loss }: Step) => show(`step ${step}: ${loss.toFixed(2)}`),
    });
    let said = '';
    for await (const piece of h.generate('jump', { adapter: fit })) said += piece;
    show(said.trim());
  } finally {
    await h.dispose();
  }
}

document.querySelector('button')!.onclick = () =>
  run().catch((error: unknown) => show(error instanceof HandfulError ? `${error.kind}: ${error.message}` : String(error)));
