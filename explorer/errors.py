"""The errors that a person can cause and put right.

Anything else that is raised is a bug and keeps its traceback. A message says what is wrong with which value,
what was expected, and what to do next.
"""


class ExplorerError(Exception):
    """Base of every error that pages, the command line and the routes show in words."""


class ConfigError(ExplorerError):
    """A setting, or a combination of settings, that makes no sense."""


class CheckpointError(ExplorerError):
    """A run folder that is missing, damaged or does not fit together."""


class MissingFileError(CheckpointError):
    """A file of a run folder that is not there."""


class DataError(ExplorerError):
    """A data set that is unknown, missing, truncated or altered."""


class ProjectionError(ExplorerError):
    """A projection that does not exist for a run, or cannot be computed."""


class TrainingError(ExplorerError):
    """Training that could not start or go on."""


class ServingError(ExplorerError):
    """A request that the decode service refuses."""


class ReadOnlyError(ExplorerError):
    """Something that would write, where the app was told to only show."""
