// The work that all sides are given.

/** Pseudo-random integers below n (a linear congruential generator). */
export function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Rows of random token ids; labels are learned in the last part of each, labelled from 0 to 1. */
export function rows(batch, tokens, vocab, labelled = 1) {
  const below = numbers(7);
  return Array.from({ length: batch }, () => {
    const ids = Array.from({ length: tokens }, () => below(vocab));
    return { input_ids: ids, labels: ids.map((id, i) => (i < tokens * (1 - labelled) ? -100 : id)) };
  });
}

const words = ' time year people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work government number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city community name president team minute idea kid body information back parent face others level office door health person art war history party result change morning reason research girl guy moment air teacher force education'.split(/(?= )/);

/** A text of so many tokens, one a word in SmolLM2's vocabulary, that begins as no other round's does. */
export function prompt(tokens, round) {
  const below = numbers(round + 1);
  return Array.from({ length: tokens }, () => words[below(words.length)]).join('');
}
