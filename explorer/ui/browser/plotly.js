// plotly.js, which the app serves from the installed package, loaded once.

import { addressOf } from "./api.js";

// The page may have begun to load it before this component was there. It is kept with its script: Streamlit's own charts
// put theirs in window.Plotly, and a plot that is updated by another plotly than drew it loses its listeners.
export function loadPlotly(route) {
  const script = document.getElementById("plotly-js") ?? document.createElement("script");
  if (script.Plotly) return Promise.resolve(script.Plotly);
  const loaded = new Promise((resolve, reject) => {
    script.addEventListener("load", () => resolve((script.Plotly ??= window.Plotly)));
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error("The plotting library could not be loaded. Reload the page."));
    });
  });
  if (!script.isConnected) {
    Object.assign(script, { id: "plotly-js", src: addressOf(route) });
    document.head.append(script);
  }
  return loaded;
}
