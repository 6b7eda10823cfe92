// Draws the charts. Plotly stands in the page packed, a third as large, and is unpacked by the browser.
(async () => {
  const state = document.documentElement.dataset;
  try {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const library = document.createElement("script");
    library.textContent = await new Response(unpacked).text();
    document.head.append(library);
    const figures = JSON.parse(document.getElementById("figures").textContent);
    for (const [name, figure] of Object.entries(figures)) {
      const place = document.getElementById(`chart-${name}`);
      place.replaceChildren();
      await Plotly.newPlot(place, figure.data, figure.layout, { displayModeBar: false, responsive: true });
    }
    state.charts = "drawn";
  } catch (error) {
    state.charts = "not drawn";
    console.warn(error);
  }
})();
