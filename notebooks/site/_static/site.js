// What the pages of the site do where there is JavaScript: draw figures that answer the pointer, in the place of their PNG.
(() => {
  // Summaries of what is found are fetched, which browsers refuse a page that lies on a disk.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const folder = document.currentScript.src;
  let vega;
  const load = () => vega ??= Promise.all([
    // A canvas does not wait for its letters. Without them it has others.
    ...["12px", "bold 12px"].map(style => document.fonts.load(`${style} "Liberation Sans"`).catch(() => {})),
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("vega.js", folder);
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${script.src} cannot be loaded`));
      document.head.append(script);
    }),
  ]);

  // How high a figure's sliders and menus are, in pixels, so that what stands below does not move when they come.
  const bindings = spec => 24 * (spec.params ?? []).filter(param => param.bind?.input).length;

  // Vega makes all of a column as wide as its widest labels want, and of a row as high. Where the whole then is larger than its PNG, the
  // panels give way.
  function within(png, canvas, spec) {
    const wider = Math.max(0, canvas.offsetWidth - png.offsetWidth), higher = Math.max(0, canvas.offsetHeight - png.offsetHeight);
    if (!spec.concat || wider + higher == 0) return null;
    const columns = Math.min(spec.columns, spec.concat.length), rows = Math.ceil(spec.concat.length / columns);
    const spacing = columns > 1 ? Math.max(spec.spacing / 2, spec.spacing - wider / columns) : spec.spacing;
    const left = wider - (columns - 1) * (spec.spacing - spacing);
    return {...spec, spacing: {row: spec.spacing, column: spacing}, concat: spec.concat.map(panel => ({
      ...panel, width: panel.width - Math.ceil(left / columns), height: panel.height - Math.ceil(higher / rows),
    }))};
  }

  async function draw(figure, spec) {
    await load();
    const place = document.createElement("div");
    figure.append(place); // behind the PNG, which stays until the drawing is there
    const options = {mode: "vega-lite", actions: {export: true, source: false, compiled: false, editor: false}};
    try {
      await vegaEmbed(place, spec, options);
      const smaller = within(figure.querySelector("img"), place.querySelector("canvas"), spec);
      if (smaller) await vegaEmbed(place, smaller, options);
    } catch (error) {
      place.remove();
      throw error;
    }
    figure.classList.add("drawn");
    fits(figure);
  }

  // What is wider than the page can be scrolled by the keyboard, and fades where there is more.
  function fits(element) {
    const beyond = element.scrollWidth - element.clientWidth;
    if (beyond > 0) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
    element.classList.toggle("more", beyond - element.scrollLeft > 10);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const specs = new Map();
    const near = new IntersectionObserver(entries => {
      for (const {target, isIntersecting} of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        draw(target, specs.get(target)).catch(error => console.error(error));
      }
    }, {rootMargin: "1000px"});
    for (const figure of document.querySelectorAll("figure.vega")) {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      specs.set(figure, spec);
      figure.style.minHeight = `${figure.querySelector("img").offsetHeight + bindings(spec)}px`;
      near.observe(figure);
    }
    const wide = new ResizeObserver(entries => entries.forEach(entry => fits(entry.target)));
    for (const element of document.querySelectorAll(".scroll, .table-wrapper, pre")) {
      wide.observe(element);
      element.addEventListener("scroll", () => fits(element), {passive: true});
    }
  });
})();
