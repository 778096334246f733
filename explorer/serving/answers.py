"""What the routes answer with: JSON that every reader takes, and refusals in words, without the folders of a path."""

import re
from pathlib import Path
from typing import Any

from starlette.responses import Response

from explorer.errors import CheckpointError, ExplorerError, ProjectionError, ServingError
from explorer.strict_json import dump_json

# The folders of an absolute path, as far as its last name; a URL, a ratio and a path within a folder have none.
_FOLDERS = re.compile(r"(?<![\w.:/\\~<-])(?:~?/|[A-Za-z]:[\\/])(?:[^\s'\"/\\]+[/\\])*(?=[^\s'\"/\\])")


class RequestError(ServingError):
    """A request that is refused with a status of its own."""

    def __init__(self, status: int, sentence: str) -> None:
        """Refuse with the HTTP ``status``, in the words of ``sentence``."""
        super().__init__(sentence)
        self.status = status


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with ``value`` as JSON."""
    return Response(dump_json(value), status_code=status, media_type="application/json")


def refusal(error: ExplorerError, checkpoints: Path) -> Response:
    """Answer with what is wrong, ``{"error": sentence}``; see ``without_folders``."""
    status = _status(error)
    response = json_response({"error": without_folders(str(error), checkpoints)}, status)
    if status == 408:
        # What still arrives of that body is no request.
        response.headers["Connection"] = "close"
    return response


def without_folders(sentence: str, checkpoints: Path) -> str:
    """Return ``sentence`` with names where it has paths: of a file of a run RUN/FILE, of any other its name."""
    return _FOLDERS.sub("", sentence.replace(f"{checkpoints}/", "").replace(f"{checkpoints}\\", ""))


def _status(error: ExplorerError) -> int:
    if isinstance(error, RequestError):
        return error.status
    return 404 if isinstance(error, CheckpointError | ProjectionError) else 400
