// Bytes to and from a page, as base64: number by number takes ten times the
// time of the test.

/** Files for the page, which `files` there makes whole again. */
export const packed = (files) => files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes).toString('base64') }));

/** A file's bytes as the page sent them. */
export const unpacked = ({ bytes }) => new Uint8Array(Buffer.from(bytes, 'base64'));

/** Gives the page files(list) and pack(list). */
export const install = (page) =>
  page.evaluate(() => {
    window.files = (list) => list.map(({ name, bytes }) => ({ name, bytes: Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)) }));
    window.pack = (list) => list.map(({ name, bytes }) => {
      let text = '';
      for (const b of bytes) text += String.fromCharCode(b);
      return { name, bytes: btoa(text) };
    });
  });
