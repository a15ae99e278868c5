// A helper of the engine's, see crew.mjs.
import { help } from './crew.mjs';

self.onmessage = ({ data }) => help(data);
