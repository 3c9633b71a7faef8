// Draws the figures of this page, in the colours of light or dark, and again when those change.
"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const metric = document.getElementById("metric");
  const config = { responsive: true, displaylogo: false, displayModeBar: false };

  // Charts other than curves stand in the element of their own name.
  const shown = () => {
    const found = Object.keys(figures).filter((name) => !name.startsWith("curves-")).map((name) => [name, figures[name]]);
    return metric ? [["curve", figures[metric.value]], ...found] : found;
  };

  const coloured = ({ data, layout }) => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
    const font = { color: colour("--text"), family: getComputedStyle(document.body).fontFamily, size: 13 };
    const cartesian = data.some((trace) => trace.type !== "parcoords");
    return {
      data: data.map((trace) => trace.type === "parcoords"
        ? { ...trace, labelfont: font, tickfont: font, rangefont: { ...font, color: "rgba(0,0,0,0)" } }
        : trace),
      layout: {
        ...layout,
        ...(cartesian ? { xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis } } : {}),
        // A finger that drags over a chart scrolls the page.
        ...(cartesian && matchMedia("(pointer: coarse)").matches ? { dragmode: false } : {}),
        font,
        paper_bgcolor: colour("--paper"),
        plot_bgcolor: "rgba(0,0,0,0)",
        hoverlabel: { bgcolor: colour("--panel"), bordercolor: colour("--line"), font },
      },
    };
  };

  // Plotly throws some of its errors at once, and gives others to the promise.
  const draw = async (place, figure) => {
    const element = document.getElementById(place);
    const { data, layout } = coloured(figure);
    try {
      await Plotly.react(element, data, layout, config);
    } catch (error) {
      element.textContent = `This chart cannot be drawn here: ${error.message || error}`;
    }
  };

  const drawAll = () => Promise.all(shown().map(([place, figure]) => draw(place, figure)));
  drawAll().then(() => { document.documentElement.dataset.drawn = "yes"; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  if (metric) metric.addEventListener("change", () => draw("curve", figures[metric.value]));
})();
