import pytest

from explorer.training.estimate import Estimate
from explorer.ui.train.estimate import duration_in_words, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.01 s"),
        (0.034, "0.03 s"),
        (4.2, "4 s"),
        (9.4, "9 s"),
        (9.6, "10 s"),
        (99.4, "99 s"),
        (101, "2 min"),
        (59 * 60, "59 min"),
        (3600, "1 h"),
        (3600 * 2 + 600, "2 h 10 min"),
        (3600 * 20 + 600, "20 h"),
        (3600 * 50, "2 days"),
    ],
)
def test_a_duration_has_a_figure_or_two(seconds, words):
    assert duration_in_words(seconds) == words


def test_limits_that_are_close_are_said_as_one_and_others_as_two():
    near = Estimate(epoch_seconds=(4.0, 4.4), once_seconds=6.0, step_bytes=23_000_000)
    assert in_words(near, 12) == (
        "About 4 s an epoch and 6 s to start and to end: **about 56 s** in all on this machine, as busy as it is now. "
        "A step needs 23 MB of memory."
    )
    apart = Estimate(epoch_seconds=(4.0, 40.0), once_seconds=12.0, step_bytes=2_340_000_000)
    assert in_words(apart, 100) == (
        "4 s to 40 s an epoch and 12 s to start and to end: **7 min to 1 h 7 min** in all on this machine, as busy as "
        "it is now. A step needs 2.3 GB of memory."
    )
