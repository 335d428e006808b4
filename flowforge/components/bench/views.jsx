// The builder's steps on a canvas or in a list. Which of both is this browser's choice; a phone has
// room for the list only.
import { Children, useSyncExternalStore } from "react";

const KEPT = "builder-view";
const WIDE = "(min-width: 901px)";
const heard = new Set();
// Where nothing is kept it holds for as long as the page is open.
let last = "canvas";

function listen(tell) {
  const wide = matchMedia(WIDE);
  heard.add(tell);
  wide.addEventListener("change", tell);
  return () => {
    heard.delete(tell);
    wide.removeEventListener("change", tell);
  };
}

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? last;
  } catch {
    return last;
  }
}

function keep(view) {
  last = view;
  try {
    localStorage.setItem(KEPT, view);
  } catch {
    // The browser keeps nothing for this page.
  }
  heard.forEach((tell) => tell());
}

const look = () => (matchMedia(WIDE).matches ? kept() : "phone");

export function Views({ children }) {
  const view = useSyncExternalStore(listen, look, () => "");
  const [list, canvas] = Children.toArray(children);
  return (
    <div className={`bench-views is-${view || "unknown"}`}>
      {view === "list" || view === "phone" ? list : view && canvas}
      {view && view !== "phone" && (
        <div className="bench-choice" role="group" aria-label="How the steps are shown">
          {["canvas", "list"].map((name) => (
            <button key={name} type="button" aria-pressed={view === name} data-testid={`view-${name}`}
              onClick={() => keep(name)}>{name === "canvas" ? "Canvas" : "List"}</button>
          ))}
        </div>
      )}
    </div>
  );
}
