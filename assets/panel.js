/* The builder's panel: lists to choose from that open in the form, and values that may be looked at. */

"use strict";

(() => {
  const optionsOf = (choice) => [...choice.querySelectorAll("[data-arrows] button")];

  const shut = (choice) => {
    choice.open = false;
    choice.querySelector("summary")?.focus();
  };

  document.addEventListener("click", (event) => {
    const picked = event.target.closest?.("[data-shuts]");
    if (picked) shut(picked.closest("[data-choice]"));
    const revealed = event.target.closest?.("[data-reveals]");
    if (revealed) window.flowforge.reveal(revealed.dataset.reveals);
  });

  // A list that opens is looked through at once.
  document.addEventListener(
    "toggle",
    (event) => {
      if (!event.target.matches?.("[data-choice]") || !event.target.open) return;
      const first = event.target.querySelector("input[type=search]") || optionsOf(event.target)[0];
      first?.focus();
    },
    true,
  );

  document.addEventListener("keydown", (event) => {
    const choice = event.target.closest?.("[data-choice][open]");
    if (!choice) return;
    if (event.key === "Escape") {
      event.preventDefault();
      shut(choice);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const options = optionsOf(choice);
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = options.indexOf(document.activeElement);
      const next = at < 0 && step < 0 ? options.length - 1 : (at + step) % options.length;
      options.at(next)?.focus();
      event.preventDefault();
    } else if (event.key === "Enter" && event.target.type === "search") {
      event.preventDefault();
      optionsOf(choice)[0]?.click();
    }
  });
})();
