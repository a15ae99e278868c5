// TensorFlow.js: one product.
import { matrices, shape, timed, turned } from './matrices.mjs';

const from = '/bench/node_modules/@tensorflow';
const script = (src) =>
  new Promise((resolve, reject) => document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: () => reject(new Error(`no ${src}`)) })));

export async function open({ device, products }) {
  await script(`${from}/tfjs/dist/tf.min.js`);
  if (device === 'wasm') {
    await script(`${from}/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`);
    tf.wasm.setWasmPaths(`${from}/tfjs-backend-wasm/dist/`);
  } else {
    await script(`${from}/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js`);
  }
  if (!(await tf.setBackend(device))) throw new Error(`tfjs has no ${device} here`);
  await tf.ready();
  const { rows, inner, outer } = shape;
  const given = matrices();
  const x = tf.tensor2d(given.x, [rows, inner]);
  const w = tf.tensor2d(turned(given.w), [inner, outer]);
  let kept;
  const once = () => {
    kept?.dispose();
    return (kept = tf.matMul(x, w));
  };
  const sample = timed(products, once, (y) => y.data());
  const { last } = await sample(); // compiles
  return { about: { check: last, device }, sample };
}
