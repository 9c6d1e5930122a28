"use strict";
// Draws every chart after the page has loaded, those nearest to what is in view first, one at a time.
(function () {
  const waiting = Array.from(document.querySelectorAll("[data-spec]"));
  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  function distance(element) {
    const box = element.getBoundingClientRect();
    return Math.max(0, box.top - window.innerHeight, -box.bottom);
  }

  function next() {
    if (!waiting.length) {
      document.documentElement.dataset.charts = "drawn";
      return;
    }
    waiting.sort((a, b) => distance(a) - distance(b));
    const holder = waiting.shift();
    const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, tooltip: false, logLevel: 1,
                      defaultStyle: false, config: read("chart-config") };
    window.vegaEmbed(holder, read(holder.dataset.spec), options)
      .then(() => { holder.style.minHeight = ""; })
      .catch((error) => { holder.textContent = "This chart could not be drawn; its numbers are in the table below."; console.error(error); })
      .then(() => setTimeout(next, 0));
  }

  function start() {
    const script = document.createElement("script");
    script.textContent = document.getElementById("vega").textContent;
    document.head.appendChild(script);
    next();
  }

  window.addEventListener("load", () => requestAnimationFrame(() => setTimeout(start, 0)));

  // On paper nothing can be opened.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((element) => { element.open = true; });
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((element) => { element.open = false; });
    opened = [];
  });
})();
