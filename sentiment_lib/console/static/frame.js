"use strict";
// Inside Airflow, follow the theme chosen there, and open links to Airflow's own pages in Airflow: this sandboxed
// frame may not navigate the top window, but a link in the outer page may.
(() => {
  let outer;
  try {
    outer = window.parent !== window ? window.parent.document : null;
  } catch {
    outer = null; // another site's frame
  }
  if (!outer) return;
  const follow = () => {
    const root = outer.documentElement;
    const dark = root.classList.contains("dark") || root.dataset.theme === "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  follow();
  new MutationObserver(follow).observe(outer.documentElement, { attributes: true });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[target="_top"]');
    if (!link) return;
    event.preventDefault();
    const proxy = outer.createElement("a");
    proxy.href = link.href;
    outer.body.append(proxy);
    proxy.click();
    proxy.remove();
  });
})();
