// jax-js: one product.
import { blockUntilReady, defaultDevice, init, jit, numpy as np } from '/bench/node_modules/@jax-js/jax/dist/index.js';
import { matrices, shape, timed, turned } from './matrices.mjs';

export async function open({ device, products }) {
  if (!(await init(device)).includes(device)) throw new Error(`jax-js has no ${device} here`);
  defaultDevice(device);
  const { rows, inner, outer } = shape;
  const given = matrices();
  const x = np.array(given.x).reshape([rows, inner]);
  const w = np.array(turned(given.w)).reshape([inner, outer]);
  const product = jit((x, w) => np.matmul(x, w));
  let kept;
  const once = async () => {
    kept?.dispose();
    kept = product(x.ref, w.ref);
    await blockUntilReady(kept); // what is dropped before would not be computed
    return kept;
  };
  const sample = timed(products, once, (y) => y.ref.data());
  const { last } = await sample(); // compiles
  return { about: { check: last, device }, sample };
}
