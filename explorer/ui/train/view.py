"""The view of the page Train."""

from typing import Annotated

from pydantic.dataclasses import dataclass

from explorer.ui.view import Formerly, View


@dataclass(frozen=True, kw_only=True)
class TrainView(View):
    """Whose training is looked at.

    Attributes:
        training_run: name of that run, which need not be the one that the other pages show; empty for the form of a
            new one.
    """

    training_run: Annotated[str, Formerly("watch")] = ""
