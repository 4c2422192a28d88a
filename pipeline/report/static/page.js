/* What scrolls sideways can be reached by keyboard, what does not need not be; hints of what only a script can do. */
"use strict";

(() => {
  const start = () => {
    const watch = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
        else target.removeAttribute("tabindex");
      }
    });
    for (const box of document.querySelectorAll(".scroll, pre")) watch.observe(box);
    for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
