// TensorFlow.js: one product.
import { matrices, shape, timed, turned } from './matrices.mjs';
import { load } from './tfjs.mjs';

export async function open({ device, products }) {
  await load(device);
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
