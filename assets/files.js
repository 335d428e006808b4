/* Uploads of the builder's file controls ([data-upload]): chosen or dropped, one after the other, each
 * with its progress and a way to stop it. Names are only ever text nodes. */

"use strict";

(() => {
  const PATH = "/api/v1/files";
  const DONE = 4;

  const make = (tag, look = "", text = "", attributes = {}) => {
    const made = document.createElement(tag);
    if (look) made.className = look;
    if (text) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  const megabytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

  /* Where an upload belongs. Its control may be drawn anew meanwhile, or another card be open. */
  const placeOf = ({ dataset }) => ({ zap: dataset.zap, card: dataset.card, field: dataset.upload });
  const waysOf = ({ zap, card, field }) =>
    [...document.querySelectorAll("[data-upload]")]
      .find(({ dataset }) => dataset.zap === zap && dataset.card === card && dataset.upload === field)
      ?.querySelector("[data-ways]");

  const tell = (place, element) => {
    const ways = waysOf(place);
    if (ways && element.parentNode !== ways) ways.append(element);
  };

  const fail = (place, name, said) =>
    tell(place, make("p", "wrong", `${name}: ${said}`, { role: "alert", "data-testid": "upload-error" }));

  const sentence = (request) => {
    try {
      return JSON.parse(request.responseText).error.message;
    } catch {
      return "The server did not take it. Try again.";
    }
  };

  let number = 0;
  const hand = (place, fileId) => {
    const answer = document.getElementById("upload-answer");
    if (!answer) return;
    number += 1;
    // React listens to the native setter.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(
      answer,
      JSON.stringify({ ...place, file_id: fileId, number }),
    );
    answer.dispatchEvent(new Event("input", { bubbles: true }));
  };

  /* Resolves when it has ended, however it did. */
  const send = (place, file) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      const way = make("div", "file-way", "", { "data-testid": "upload-way" });
      const bar = make("progress", "", "", { max: "100", value: "0", "aria-label": `Upload of ${file.name}` });
      const done = make("span", "hint", "0 %");
      const stop = make("button", "btn small quiet", "Stop", { type: "button", "aria-label": `Stop ${file.name}`, "data-testid": "upload-stop" });
      way.append(make("bdi", "", file.name), done, stop, bar);
      stop.addEventListener("click", () => request.abort());
      request.upload.addEventListener("progress", (event) => {
        const percent = event.total ? Math.floor((100 * event.loaded) / event.total) : 0;
        bar.value = percent;
        done.textContent = `${percent} %`;
        tell(place, way);
      });
      request.addEventListener("loadend", () => {
        way.remove();
        if (request.status === 201) hand(place, JSON.parse(request.responseText).file_id);
        else if (request.status) fail(place, file.name, sentence(request));
        else if (request.readyState === DONE) fail(place, file.name, "The connection broke. Try again.");
        resolve();
      });
      request.open("POST", `${PATH}?name=${encodeURIComponent(file.name.slice(-200))}`);
      request.setRequestHeader("content-type", file.type || "application/octet-stream");
      tell(place, way);
      request.send(file);
    });

  let queue = Promise.resolve();
  const take = (control, files) => {
    const place = placeOf(control);
    const most = Number(control.dataset.mostBytes);
    const isOne = !control.querySelector("input[type=file]")?.multiple;
    control.querySelectorAll(".file-ways > .wrong").forEach((each) => each.remove());
    for (const file of [...files].slice(0, isOne ? 1 : files.length)) {
      if (file.size > most) {
        fail(place, file.name, `It has ${megabytes(file.size)}, more than ${megabytes(most)}. Put it on the web and give its URL.`);
      } else {
        queue = queue.then(() => send(place, file));
      }
    }
  };

  document.addEventListener("change", (event) => {
    const control = event.target.matches?.("[data-upload] input[type=file]") && event.target.closest("[data-upload]");
    if (!control || !event.target.files.length) return;
    take(control, event.target.files);
    // The same file may be chosen once more.
    event.target.value = "";
  });

  const over = (event) =>
    event.dataTransfer?.types.includes("Files") ? event.target.closest?.("[data-upload]") : null;
  const mark = (control) => {
    for (const each of document.querySelectorAll("[data-upload].is-over")) {
      if (each !== control) each.classList.remove("is-over");
    }
    control?.classList.add("is-over");
  };
  document.addEventListener("dragover", (event) => {
    const control = over(event);
    mark(control?.querySelector("input[type=file]") ? control : null);
    // Beside the control a browser would leave the page and open the file.
    if (event.dataTransfer?.types.includes("Files") && document.querySelector("[data-upload]")) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => !event.relatedTarget && mark(null));
  document.addEventListener("drop", (event) => {
    const control = over(event);
    mark(null);
    if (!event.dataTransfer?.types.includes("Files") || !document.querySelector("[data-upload]")) return;
    event.preventDefault();
    if (control?.querySelector("input[type=file]")) take(control, event.dataTransfer.files);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented || !event.target.matches?.("[data-ends-line]")) return;
    event.preventDefault();
    event.target.blur();
  });
})();
