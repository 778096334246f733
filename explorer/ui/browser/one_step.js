// In the head of every page: going to a page is one step of the browser's history. Streamlit takes two, one to the page's
// bare address and one to its link, which the page's script writes as it opens: Back would stay on the page.
// What a person does there ends that, since a change of theirs is a step.

{
  const { pushState, replaceState } = window.history;
  let openedPath = null;

  window.history.pushState = function (state, unused, url) {
    const before = window.location.pathname;
    const { pathname, search } = new URL(url ?? window.location.href, window.location.href);
    const isLinkOfOpened = pathname === openedPath && pathname === before && search !== "";
    (isLinkOfOpened ? replaceState : pushState).call(this, state, unused, url);
    if (pathname !== before) openedPath = search === "" ? pathname : null;
  };

  const forget = () => (openedPath = null);
  for (const deed of ["click", "pointerdown", "keydown", "popstate"]) window.addEventListener(deed, forget, true);
}
