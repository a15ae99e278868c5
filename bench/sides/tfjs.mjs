// TensorFlow.js on a backend: what its sides begin with.
const from = '/bench/node_modules/@tensorflow';
const script = (src) =>
  new Promise((resolve, reject) => document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: () => reject(new Error(`no ${src}`)) })));

/** Loads it: globalThis.tf. */
export async function load(device) {
  await script(`${from}/tfjs/dist/tf.min.js`);
  if (device === 'wasm') {
    await script(`${from}/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`);
    tf.wasm.setWasmPaths(`${from}/tfjs-backend-wasm/dist/`);
  } else {
    await script(`${from}/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js`);
  }
  if (!(await tf.setBackend(device))) throw new Error(`tfjs has no ${device} here`);
  await tf.ready();
}
