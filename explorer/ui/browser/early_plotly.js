// In the head of every page, before Streamlit's own scripts: plotly.js travels beside them, and runs once they have, while
// the app prepares the map. Running it takes a good part of a second. A page that is gone to later is treated alike.

{
  const { address, withoutMap } = document.currentScript.dataset;

  const hasMap = () => !withoutMap.split(" ").includes(location.pathname.split("/").filter(Boolean).at(-1));

  const load = () => {
    if (!hasMap() || document.getElementById("plotly-js")) return;
    const script = Object.assign(document.createElement("script"), { id: "plotly-js", src: address });
    script.addEventListener("load", () => (script.Plotly ??= window.Plotly));
    script.addEventListener("error", () => script.remove());
    document.head.append(script);
  };

  if (hasMap()) {
    const hint = { rel: "preload", as: "script", href: address, fetchPriority: "low" };
    document.head.append(Object.assign(document.createElement("link"), hint));
  }
  document.addEventListener("DOMContentLoaded", load);
  window.navigation?.addEventListener("currententrychange", load);
}
