// plotly.js, which the app serves from the installed package, loaded once.

// The page may have begun to load it before this component was there.
export function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  const script = document.getElementById("plotly-js") ?? document.createElement("script");
  const loaded = new Promise((resolve, reject) => {
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error("The plotting library could not be loaded. Reload the page."));
    });
  });
  if (!script.isConnected) {
    Object.assign(script, { id: "plotly-js", src: url });
    document.head.append(script);
  }
  return loaded;
}
