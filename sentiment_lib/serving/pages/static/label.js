/* Keys 1, 2, 3, u and s press the button that carries them. The page works without it. */
"use strict";
(function () {
  let pressed = false;  /* one answer a page: a key that is held down does not answer the next tweet unread */
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
