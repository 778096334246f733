"""Pages run without a browser, for cases that come by the thousand."""

import logging

import streamlit.testing.v1.app_test as streamlit_testing
from streamlit.runtime.scriptrunner_utils import script_run_context

from tests.pages.page_run import Media, PageRun

PAGES = ("", "interpolate", "generate", "compare", "evaluate", "train")


class Pages:
    """Opens pages, each as a new session, and hears what is logged meanwhile."""

    def __init__(self) -> None:
        """Take the place of Streamlit's store of media, which a test run has not."""
        self._media = Media()
        streamlit_testing.MediaFileManager = lambda _: self._media.manager  # type: ignore[assignment,misc]  # of one run
        self._log = _Log()
        logging.getLogger(script_run_context.__name__).disabled = True  # it warns that there is no browser
        for logger in (logging.getLogger(), logging.getLogger("explorer")):
            logger.addHandler(self._log)
        for path in PAGES:  # what is imported and compiled once is not of the first case
            self.open(path)

    def open(self, path: str, /, **query: str) -> str:
        """Open a page and return how that ended: "shown" or "told in words".

        Raises:
            AssertionError: if there is a traceback on the page or in the log.
        """
        self._log.tracebacks.clear()
        page = PageRun(self._media, path, **query)
        self._media._files_by_id.clear()
        tracebacks = [f"{it.message}\n{''.join(it.stack_trace)}" for it in page.test.exception]
        if tracebacks or self._log.tracebacks:
            raise AssertionError("\n".join([*tracebacks, *self._log.tracebacks])[-3000:])
        return "told in words" if page.alerts() else "shown"


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what tells of an exception."""
        if record.exc_info:
            self.tracebacks.append(logging.Formatter().format(record))
