// Handful: one product by the kernels of its device (wasm/product).
import { Engine } from '/rpc.mjs';
import { matrices, shape } from './matrices.mjs';

export async function open({ device, products }) {
  const engine = new Engine('/product/engine-worker.js');
  const { x, w } = matrices();
  const { rows: Rows, inner: In, outer: Out } = shape;
  const { data: info } = await engine.call('open', { device, Rows, In, Out, X: Array.from(x), W: Array.from(w) });
  const run = async (Runs) => (await engine.call('run', { Runs })).data;
  await run(1); // uploads
  const { last } = await run(1);
  const sample = async () => {
    mark();
    const { ms } = await run(products);
    mark();
    return { ms, units: products };
  };
  return { about: { check: last, device: `${info.name}, ${info.family}` }, sample };
}
