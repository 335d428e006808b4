/* Several tabs on one draft: what somebody else did is shown when nobody is typing. */

"use strict";

(() => {
  const LOOK_AGAIN_MS = 250;
  // By then the answer is there; if not, it was lost on the way.
  const ANSWER_MS = 3000;

  const isTyping = () =>
    document.querySelector("ff-saved")?.pending ||
    document.activeElement?.matches?.(
      "[data-autosave] :is(input:not([type=checkbox], [type=radio]), textarea, [contenteditable=true])",
    );

  /* <ff-news revision="n">: news that wait. Its button shows them. */
  class News extends HTMLElement {
    static observedAttributes = ["revision"];
    connectedCallback() {
      this.later(0);
    }
    disconnectedCallback() {
      clearTimeout(this.timer);
    }
    attributeChangedCallback() {
      this.later(0);
    }
    // Never while React is still drawing: it would not hear the click.
    later(wait) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), wait);
    }
    look() {
      const waits = Boolean(isTyping());
      this.classList.toggle("is-waiting", waits);
      if (!waits) this.querySelector("button")?.click();
      this.later(waits ? LOOK_AGAIN_MS : ANSWER_MS);
    }
  }

  /* <ff-opens dialog="id">: opens that dialog when it is drawn. */
  class Opens extends HTMLElement {
    connectedCallback() {
      window.flowforge.open(this.getAttribute("dialog"));
    }
  }

  for (const [name, element] of Object.entries({ "ff-news": News, "ff-opens": Opens })) {
    customElements.get(name) || customElements.define(name, element);
  }
})();
