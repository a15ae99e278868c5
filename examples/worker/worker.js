// The module in a Worker of one's own; the engine gets another one below it.
import { createHandful } from './handful/handful.mjs';

self.onmessage = async ({ data: word }) => {
  try {
    const h = await createHandful({ base: './handful/pocket/base/', inventory: './handful/pocket/inventory/' });
    await h.adapt({ examples: 'walk => walks\ntry => tries\neat => eats\nwash => washes', method: 'z', steps: 20 });
    let said = '';
    for await (const piece of h.generate(word)) said += piece;
    self.postMessage(said.trim());
    await h.dispose();
  } catch (error) {
    self.postMessage(String(error));
  }
};
