// The interactive curves. Without it, or if it fails, the page shows the same curves as pictures.
"use strict";
(() => {
  const root = document.documentElement;
  const fallBack = (reason) => { root.classList.remove("script"); console.error(reason); };
  const text = (id) => document.getElementById(id).textContent;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const digits = (value, count) => value.toLocaleString("en-GB", { maximumSignificantDigits: count, useGrouping: false });

  function theme() {
    const line = colour("--line"), quiet = colour("--quiet"), ink = colour("--text");
    const font = "system-ui, sans-serif";
    return {
      axis: { gridColor: line, domainColor: quiet, tickColor: quiet, labelColor: ink, titleColor: ink,
              labelFont: font, titleFont: font, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
    };
  }

  class Chart {
    constructor(figure) {
      this.data = JSON.parse(figure.querySelector("script").textContent);
      this.box = figure.querySelector(".chart");
      this.drawing = this.box.firstElementChild;  // Vega takes the role and the label of what it draws in
      this.says = figure.querySelector("output");
      this.sequence = figure.querySelector("select[name=sequence]");
      this.metric = figure.querySelector("select[name=metric]");
      this.buttons = [...figure.querySelectorAll("button[data-curve]")];
      this.at = -1;
      this.buttons.forEach((button) => button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
        this.fill();
      }));
      [this.sequence, this.metric].forEach((choice) => choice.addEventListener("change", () => this.fill()));
      this.box.addEventListener("keydown", (event) => this.walk(event));
      this.box.addEventListener("blur", () => this.pick(-1));
    }

    async draw() {
      this.view?.finalize();
      const spec = JSON.parse(text("chart"));
      const sets = this.sets();
      spec.data.filter((set) => set.name in sets).forEach((set) => { set.values = sets[set.name]; });
      const tooltip = { theme: dark.matches ? "dark" : "light" };
      const options = { renderer: "svg", actions: false, config: theme(), tooltip, logLevel: 1 };  // errors only
      this.view = (await globalThis.vegaEmbed(this.drawing, spec, options)).view;
    }

    // The points of the chosen sequence and metric on curves that are switched on.
    shown() {
      const sequence = +this.sequence.value, metric = +this.metric.value;
      const on = new Set(this.buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => +b.dataset.curve));
      return this.data.points
        .filter((p) => p[1] === sequence && on.has(p[0]) && p[4 + metric] !== null)
        .map((p) => {
          const look = this.data.curves[p[0]];
          const rate = `${digits(p[3], 4)} bits per pixel`, value = `${p[4 + metric].toFixed(this.data.digits[metric])}${this.data.units[metric]}`, point = p.at(-1) || "–";
          return {
            curve: `${p[0]}/${p[2]}`, codec: look.label, "bits per pixel": p[3], quality: p[4 + metric],
            point, rate, value, says: `${look.label}, ${point}: ${value} at ${rate}`,
            color: dark.matches ? look.dark : look.colour,
            shape: look.shape, dash: look.dash,
          };
        })
        .sort((a, b) => a.curve.localeCompare(b.curve, "en", { numeric: true }) || a["bits per pixel"] - b["bits per pixel"]);
    }

    // What the chart's data sets hold.
    sets() {
      this.points = this.shown();
      this.at = -1;
      this.say();
      const rates = this.points.map((p) => p["bits per pixel"]);
      const source = this.data.sourceRates[+this.sequence.value];
      const near = source && rates.length && source >= Math.min(...rates) / 4 && source <= Math.max(...rates) * 4;
      return { points: this.points, source: near ? [{ "bits per pixel": source }] : [], picked: [] };
    }

    fill() {
      Object.entries(this.sets()).forEach(([name, values]) => this.view?.data(name, values));
      this.view?.runAsync();
    }

    walk(event) {
      const count = this.points.length, last = count - 1;
      const next = this.at < last ? this.at + 1 : 0, previous = this.at > 0 ? this.at - 1 : last;
      const at = { ArrowRight: next, ArrowUp: next, ArrowLeft: previous, ArrowDown: previous, Home: 0, End: last }[event.key];
      if (at === undefined || !count) return;
      event.preventDefault();
      this.pick(at);
    }

    // Below the chart, and to screen readers as the value of a slider, which is what they hand arrow keys to.
    say(point) {
      this.says.textContent = point ? point.says : "";
      this.box.setAttribute("aria-valuemax", this.points.length);
      this.box.setAttribute("aria-valuenow", this.at + 1);
      this.box.setAttribute("aria-valuetext", point ? point.says : "no point");
    }

    pick(at) {
      this.at = at;
      const point = this.points?.[at];
      this.say(point);
      this.view?.data("picked", point ? [point] : []).runAsync();
    }
  }

  const charts = new Map();
  const watcher = new IntersectionObserver((entries) => entries.filter((e) => e.isIntersecting).forEach(({ target }) => {
    watcher.unobserve(target);
    try {
      const chart = new Chart(target);
      charts.set(target, chart);
      chart.draw().catch(fallBack);
    } catch (error) { fallBack(error); }
  }), { rootMargin: "400px" });
  document.querySelectorAll(".curves").forEach((figure) => watcher.observe(figure));
  dark.addEventListener("change", () => charts.forEach((chart) => chart.draw().catch(fallBack)));
})();
