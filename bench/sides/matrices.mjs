// The matrices that all products multiply: x [rows, inner] and w [outer, inner].
export const shape = { rows: 512, inner: 576, outer: 1536 };

export function matrices({ rows, inner, outer } = shape) {
  return {
    x: Float32Array.from({ length: rows * inner }, (_, i) => (i % 17) / 8 - 1),
    w: Float32Array.from({ length: outer * inner }, (_, i) => ((i * 7) % 23) / 11 - 1),
  };
}

/** w as [inner, outer], for those who multiply without transposing. */
export function turned(w, { inner, outer } = shape) {
  return Float32Array.from({ length: w.length }, (_, i) => w[(i % outer) * inner + Math.floor(i / outer)]);
}

/** A sample of so many products: once() starts one, and read() waits for all and gives the values of the last one. */
export function timed(products, once, read) {
  return async () => {
    mark();
    const start = performance.now();
    for (let i = 1; i < products; i++) await once();
    const values = await read(await once());
    const ms = (performance.now() - start) / products;
    mark();
    return { ms, units: products, last: values.at(-1) };
  };
}
