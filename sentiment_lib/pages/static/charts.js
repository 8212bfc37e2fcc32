/* Draws every figure.chart on the page with Plotly; colours come from the stylesheet, so they follow the theme. */
"use strict";
(function () {
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
  /* Resolves "var(--series-1)" and "var(--series-1) 20%" in a figure to the current colour. */
  function resolved(value) {
    if (typeof value === "string") {
      const match = /^var\((--[a-z0-9-]+)\)(?: (\d+)%)?$/.exec(value);
      if (!match) return value;
      const plain = colour(match[1]);
      if (!match[2]) return plain;
      const parts = /^#(..)(..)(..)$/.exec(plain).slice(1).map(function (part) { return parseInt(part, 16); });
      return "rgba(" + parts.join(",") + "," + Number(match[2]) / 100 + ")";
    }
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(function (pair) { return [pair[0], resolved(pair[1])]; }));
    }
    return value;
  }
  function draw(figure) {
    const plot = figure.querySelector(".plot");
    const chart = resolved(JSON.parse(figure.querySelector("script").textContent));
    plot.style.height = plot.dataset.height + "px";
    window.Plotly.react(plot, chart.data, chart.layout, { displayModeBar: false, responsive: true });
  }
  function drawAll() { document.querySelectorAll("figure.chart").forEach(draw); }
  if (!window.Plotly) {
    document.querySelectorAll("figure.chart details").forEach(function (table) { table.open = true; });
    return;
  }
  drawAll();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
