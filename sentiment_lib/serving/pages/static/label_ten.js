/* The keys 1, 2, 3 and s answer the current tweet and go to the next; arrows move, Enter stores. The page works without it. */
"use strict";
(function () {
  const rows = Array.from(document.querySelectorAll("[data-row]"));
  if (!rows.length) return;
  let current = 0;
  function go(index) {
    rows[current].classList.remove("current");
    current = Math.max(0, Math.min(rows.length - 1, index));
    rows[current].classList.add("current");
    rows[current].scrollIntoView({ block: "nearest" });
  }
  rows.forEach(function (row, index) {
    row.addEventListener("focusin", function () { go(index); });
  });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (/^(TEXTAREA|SELECT|BUTTON|A|SUMMARY)$/.test(event.target.tagName)) return;
    if (event.target.tagName === "INPUT" && event.target.type !== "radio") return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      go(current + (event.key === "ArrowDown" ? 1 : -1));
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      document.getElementById("store").click();
      return;
    }
    const option = rows[current].querySelector('input[data-key="' + CSS.escape(event.key.toLowerCase()) + '"]');
    if (option) {
      event.preventDefault();
      option.checked = true;
      go(current + 1);
    }
  });
  let sent = false;  /* a second press does not send the form twice */
  document.getElementById("ten").addEventListener("submit", function (event) {
    if (sent) event.preventDefault();
    sent = true;
  });
  window.addEventListener("pageshow", function () { sent = false; });
  go(0);
})();
