// Which build this is. The build of the page writes this file anew, of the
// files that it has laid out (see wasm/stamp). It is read as a module by the
// page and its Worker, and as a plain script by the service worker.
globalThis.handfulBuild = { id: 'dev', version: 'dev', files: {} };
