/* The keys 1, 2, 3, u and s press their button. The page works without it. */
"use strict";
(function () {
  let pressed = false;  /* one label a page: a key held down does not label the next tweet */
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || pressed) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const button = document.querySelector('button[data-key="' + CSS.escape(event.key.toLowerCase()) + '"]');
    if (button) { event.preventDefault(); button.click(); }
  });
  document.addEventListener("submit", function (event) {
    if (pressed) event.preventDefault();
    pressed = true;
  });
  window.addEventListener("pageshow", function () { pressed = false; });
})();
