"""Runs a page's script without a browser, and reads back what it would show: words, messages, pictures and address."""

import io
import json
import re
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryFile, MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from explorer.locations import PAGES, ROOT

RUN_SECONDS = 60
WORDS = ("body", "label", "help", "caption", "placeholder", "text")
"""Fields of what Streamlit sends to a browser that a person can read."""
CONTROLS = (
    *("selectbox", "multiselect", "button_group", "checkbox", "toggle"),
    *("number_input", "text_input", "slider", "select_slider", "radio"),
)


def script_of(path: str) -> Path:
    """Return the script behind the page at ``path``; the map's is the whole app's, with its navigation."""
    return PAGES / f"{path}.py" if path else ROOT / "explorer" / "main.py"


class Media(MemoryMediaFileStorage):
    """What pages hand out: pictures, and files that are made when they are asked for."""

    def __init__(self) -> None:
        super().__init__("/media")
        self.manager = MediaFileManager(self)


class PageRun:
    """A page of the app, run as one person's session would, with no browser.

    What a browser adds is absent: components of JavaScript get their data and send nothing back.
    """

    def __init__(self, media: Media, path: str = "", /, **query: str) -> None:
        self.media = media
        self.test = AppTest.from_file(script_of(path), default_timeout=RUN_SECONDS)
        self.test.query_params.update(query)
        self.test.run()

    def run(self) -> Self:
        """Run the script again."""
        self.test.run()
        return self

    # What it shows

    @property
    def query(self) -> dict[str, str]:
        """The view that the address holds."""
        values = self.test.query_params.items()
        return {name: value if isinstance(value, str) else value[-1] for name, value in values}

    def alerts(self) -> list[str]:
        """Return the messages on the page."""
        kinds = ("error", "warning", "info", "success")
        return [message.value for kind in kinds for message in self.test.get(kind)]

    def n_tracebacks(self) -> int:
        """Return how many tracebacks the page shows."""
        return len(self.test.exception)

    def words(self) -> str:
        """Return all text of the page as it was written, a line for each piece."""
        return "\n".join(_words(self.test.main))

    def alts(self) -> list[str]:
        """Return the text in the place of each picture, "" where there is none."""
        return [image.alt for image in self._images()]

    def captions(self) -> list[str]:
        """Return what stands below each picture."""
        return [image.caption for image in self._images()]

    def picture(self, alt: str | re.Pattern[str]) -> NDArray[np.uint8]:
        """Return the pixels of the picture whose alternative text is ``alt``, shape ``(H, W, channels)``."""
        found = [
            image
            for image in self._images()
            if re.fullmatch(re.escape(alt) if isinstance(alt, str) else alt, image.alt)
        ]
        assert found, f"no picture {alt!r} among {self.alts()}"
        content = self.media.get_file(found[0].url.rsplit("/", 1)[-1]).content
        return np.asarray(Image.open(io.BytesIO(content)))

    def _images(self) -> list[Any]:
        return [image for element in self.test.get("image") for image in element.proto.imgs]

    def labels(self, kind: str) -> list[str]:
        """Return what the controls of a ``kind``, as Streamlit calls it, are called."""
        return [control.label for control in self.test.get(kind)]

    def component(self, key: str) -> dict[str, Any]:
        """Return what the component of JavaScript ``key`` is given."""
        (found,) = [one for one in self.test.get("bidi_component") if one.key == key]
        given: dict[str, Any] = json.loads(found.proto.json)
        return given

    def toasts(self) -> list[str]:
        """Return what the last run said in passing."""
        return [toast.value for toast in self.test.toast]

    def figure(self, beginning: str) -> str:
        """Return the words that stand for the first figure whose words begin so."""
        alts = [figure.proto.alt for figure in self.test.get("plotly_chart")]
        found = [alt for alt in alts if alt.startswith(beginning)]
        assert found, f"no figure {beginning!r} among {alts}"
        return found[0]

    # What is done to it

    def click(self, label: str) -> Self:
        """Press the button ``label``."""
        (button,) = [one for one in self.test.button if one.label == label]
        button.click().run()
        return self

    def choose(self, label: str, value: Any) -> Self:
        """Set the one control ``label`` to ``value``."""
        (control,) = [one for kind in CONTROLS for one in self.test.get(kind) if one.label == label]
        control.set_value(value).run()
        return self

    def until(self, words: str, n: int = 1) -> Self:
        """Run the script again until the page says ``words`` ``n`` times: once something in the background ended."""
        end = time.monotonic() + RUN_SECONDS
        while self.words().count(words) < n:
            assert time.monotonic() < end, f"no {words!r} in {self.words()}"
            self.run()
        return self

    def bring(self, label: str, name: str, content: bytes, kind: str = "image/png") -> Self:
        """Hand a file to the one control ``label``, which has to take files of such a name."""
        (control,) = [one for one in self.test.file_uploader if one.label == label]
        assert Path(name).suffix in control.allowed_type
        control.set_value((name, content, kind)).run()
        return self

    def download(self, label: str) -> MemoryFile:
        """Return the file that the button ``label`` hands out: its name, its type and its content."""
        (button,) = [one for one in self.test.download_button if one.label == label]
        deferred = button.proto.deferred_file_id
        url = self.media.manager.execute_deferred(deferred) if deferred else button.proto.url
        return self.media.get_file(url.rsplit("/", 1)[-1])


def _words(node: Any) -> list[str]:
    children = getattr(node, "children", None)
    proto = getattr(node, "proto", None)
    found = [text for name in WORDS if isinstance(text := getattr(proto, name, None), str) and text]
    for child in (children or {}).values():
        found += _words(child)
    return found
