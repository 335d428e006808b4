import { useEffect } from "react";

/* Draws nothing, and tells when it is there: again each time that `of` is another one. */
export function Appears({ of, onAppear }) {
  useEffect(() => {
    onAppear?.();
  }, [of]);
  return null;
}
