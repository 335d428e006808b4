// What a gesture will most likely come to, drawn at once; the server's word takes its place.
// A guess is what a step will be: GONE, MOVED, or whether it is skipped; or that one is COMING to a place.
// It ends as soon as the steps say the same, when the gesture is refused, and in any case after a
// while: then what was there is back.
import { useEffect } from "react";

export const GONE = "gone";
export const MOVED = "moved";
export const COMING = "coming";
const WAITS_MS = 5_000;

// Where to is the server's word: any that comes is it.
const isOpen = ({ will }) => will === MOVED || will === COMING;

const isTrue = (guess, line) => {
  if (isOpen(guess)) return true;
  return guess.will === GONE ? !line : !line || line.card.is_skipped === guess.will;
};

export function guessing({ guesses, now }) {
  const without = (isOver) =>
    new Map([...guesses.get()].filter(([, guess]) => !isOver(guess)));
  const drop = (isOver) => {
    if (guesses.get().size) guesses.set(without(isOver));
  };
  const guess = (ids, will) => {
    const made = ids.map((id) => [id, { id, will }]);
    guesses.set(new Map([...guesses.get(), ...made]));
    setTimeout(() => drop((one) => made.some(([, mine]) => mine === one)), WAITS_MS);
  };
  return {
    guess,
    agree: ({ lineOf }) => drop((one) => isTrue(one, lineOf.get(one.id))),
    answered: () => drop(isOpen),
    refuse: () => drop(() => true),
    // With all that is inside of them.
    guessGone: (ids) => guess(now.current.model.within(ids), GONE),
    guessMoved: (ids, place) => {
      guess(now.current.model.within(ids), MOVED);
      if (place) guess([place], COMING);
    },
    guessComing: (place) => { if (place) guess([place], COMING); },
    isSkipped: (id, says) => {
      const will = guesses.get().get(id)?.will;
      return typeof will === "boolean" ? will : says;
    },
  };
}

export function useGuesses(bench, model, saves, saved) {
  useEffect(() => bench.agree(model), [bench, model]);
  // A gesture that came too late, or that was wrong.
  useEffect(() => {
    if (saved === "saved") bench.answered();
    else bench.refuse();
  }, [bench, saves, saved]);
}
