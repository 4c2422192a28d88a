// Keys, focus and suggestions of the review page. Without this script the page works by its buttons alone.
"use strict";

const help = document.getElementById("help");
let isSent = false; // a form is on its way: a second press must not send it again

function isField(element) {
  return element instanceof HTMLElement && element.matches("select, textarea, input:not([type=hidden])");
}

function press(target) {
  if (isField(target)) {
    target.focus();
    target.select();
  } else {
    target.click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const focused = document.activeElement;
  if (help?.open) {
    if (key === "?") help.close(); // the browser itself closes it with Escape
    return;
  }
  if (isField(focused)) {
    if (key === "Escape") {
      focused.blur();
      event.preventDefault();
    } else if (key === "Enter" && focused.matches("textarea")) {
      focused.form.requestSubmit(); // a reason has one line
      event.preventDefault();
    }
    return;
  }
  if (event.repeat || (key === "Enter" && focused?.matches("a, button, summary"))) return;
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return;
  event.preventDefault();
  press(target);
});

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (isSent) {
    event.preventDefault();
    return;
  }
  isSent = true;
  // A reason typed beside one verdict goes along when another one is chosen.
  for (const copy of event.target.querySelectorAll("[data-from]")) {
    copy.value = document.getElementById(copy.dataset.from).value;
  }
});

window.addEventListener("pageshow", () => {
  isSent = false;
});

for (const link of document.querySelectorAll("a[href='#help']")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    help.showModal();
  });
}

help?.querySelector("[data-close]").addEventListener("click", (event) => {
  event.preventDefault();
  help.close();
});

for (const input of document.querySelectorAll("[data-suggest]")) {
  let asked = null;
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    timer = setTimeout(async () => {
      asked = new AbortController();
      const address = `${input.dataset.suggest}?q=${encodeURIComponent(input.value)}`;
      try {
        const found = await (await fetch(address, { signal: asked.signal })).json();
        const options = found.map(({ qid, label }) => new Option("", `${label} (${qid})`));
        input.list.replaceChildren(...options);
      } catch (error) {
        if (error.name !== "AbortError") input.list.replaceChildren();
      }
    }, 120);
  });
}

// Screen readers tell what comes into a live region, not what stands there from the start: so it comes once more.
const status = document.getElementById("status");
setTimeout(() => status?.replaceChildren(...[...status.childNodes].map((node) => node.cloneNode(true))), 100);

const rows = document.querySelector(".rows");
const current = rows?.querySelector("[aria-current]");
if (current) rows.scrollTop = current.offsetTop - rows.offsetTop - rows.clientHeight / 3;

const drawing = document.querySelector(".drawing");
const subject = drawing?.querySelector(".subject rect");
if (subject) drawing.scrollLeft = subject.x.baseVal.value + subject.width.baseVal.value / 2 - drawing.clientWidth / 2;
