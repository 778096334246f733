import pytest

from explorer.jobs.progress import Progress, Stages

SECONDS = {"loading": 2.0, "laying out": 6.0, "measuring": 2.0}


@pytest.fixture
def said() -> list[Progress]:
    return []


def test_a_stage_is_the_share_of_the_whole_that_its_seconds_are(said):
    stages = Stages(SECONDS, said.append)
    stages.begin("loading")
    stages.begin("laying out")
    stages.begin("measuring")
    assert [(it.fraction, it.until, it.seconds) for it in said] == [(0, 0.2, 2), (0.2, 0.8, 6), (0.8, 1, 2)]


def test_what_can_be_counted_is(said):
    stages = Stages(SECONDS, said.append)
    for n_done in (0, 250, 500, 501):
        stages.count("laying out", n_done, 500)
    assert [it.fraction for it in said] == pytest.approx([0.2, 0.5, 0.8, 0.8])
    assert said[1].what == "laying out, 250 of 500"
    assert said[1].fraction_after(100) == said[1].fraction


def test_through_what_cannot_be_counted_the_fraction_follows_the_clock_and_never_arrives(said):
    Stages(SECONDS, said.append).begin("laying out")
    fractions = [said[0].fraction_after(seconds) for seconds in (-1, 0, 3, 6, 600)]
    assert fractions == pytest.approx([0.2, 0.2, 0.5, 0.2 + 0.6 * 0.95, 0.2 + 0.6 * 0.95])


def test_a_record_comes_back_from_its_text_and_nothing_outside_0_to_1_does():
    progress = Progress(what="laying out", fraction=0.2, until=0.8, seconds=6)
    assert Progress.from_json(progress.to_json()) == progress
    text = progress.to_json().replace("0.8", "7")
    assert Progress.from_json(text).until == 1
    with pytest.raises(KeyError):
        Progress.from_json("{}")
