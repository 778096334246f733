import numpy as np
import pytest

from explorer.figures.training import (
    adversarial_curve,
    dimensions_curve,
    information_curve,
    objective_curve,
    terms_curve,
    training_curves,
)
from explorer.training.trainer import Trainer
from tests.support import digits, fresh_run, run_config

ELBOS = [-190.0, -150.0, -160.0]


def record(epoch, elbo, kl=5.0, objective=None):
    terms = {"elbo": elbo, "log_likelihood": elbo + kl, "kl": kl, "objective": elbo if objective is None else objective}
    carried = {"active_units": epoch, "mutual_information": 2.0 + epoch, "mutual_information_ceiling": 6.9}
    validation = terms | carried | {"kl_per_dimension": [0.5 * epoch, 0.0, 3.0 - epoch]}
    return {"epoch": epoch, "train": terms, "validation": validation}


HISTORY = [record(epoch, elbo) for epoch, elbo in enumerate(ELBOS, start=1)]
GAN = [
    {
        "epoch": epoch,
        "train": {"critic_loss": 1.0, "generator_loss": 0.5},
        "validation": {"critic_loss": 1.2, "generator_loss": 0.6, "diversity": 0.9 / epoch},
    }
    for epoch in (1, 2)
]


def lines(figure):
    return {trace.name: list(trace.y) for trace in figure.data}


def test_the_elbo_is_drawn_as_it_was_recorded_and_called_a_bound():
    curve = objective_curve(HISTORY)
    assert lines(curve.figure) == {"ELBO, train": ELBOS, "ELBO, validation": ELBOS}
    assert list(curve.figure.data[0].x) == [1, 2, 3]
    assert "lower bound" in curve.title
    assert curve.figure.layout.yaxis.title.text == "ELBO, nats per image"
    assert curve.figure.layout.xaxis.title.text == "epoch"


def test_words_say_start_end_and_best_epoch():
    assert objective_curve(HISTORY).text.startswith(
        "ELBO, train: from -190.00 in epoch 1 to -160.00 nats per image in epoch 3; best -150.00 in epoch 2."
    )
    assert "reconstruction error, train: from 185.00 in epoch 1" in terms_curve(HISTORY).text
    assert "best 145.00 in epoch 2" in terms_curve(HISTORY).text


def test_an_objective_that_is_not_the_elbo_is_drawn_beside_it():
    history = [record(epoch, elbo, objective=elbo - 3) for epoch, elbo in enumerate(ELBOS, start=1)]
    drawn = lines(objective_curve(history).figure)
    assert drawn["objective, validation"] == [elbo - 3 for elbo in ELBOS]
    assert len(drawn) == 4


def test_the_terms_are_the_two_parts_of_the_bound():
    drawn = lines(terms_curve(HISTORY).figure)
    np.testing.assert_allclose(
        np.add(drawn["reconstruction error, validation"], drawn["KL, validation"]), np.negative(ELBOS)
    )


def test_dimensions_are_sorted_by_their_last_kl():
    curve = dimensions_curve(HISTORY)
    (heat,) = curve.figure.data
    assert list(heat.y) == ["z0", "z1", "z2"]
    np.testing.assert_allclose(heat.z, [[0.5, 1, 1.5], [0, 0, 0], [2, 1, 0]])
    assert curve.text == (
        "KL of 3 latent dimensions over 3 epochs. After epoch 3, 1 of them carry more than 0.01 nats; the strongest "
        "is z0 with 1.50 nats."
    )


def test_mutual_information_stands_beside_its_ceiling():
    curve = information_curve(HISTORY)
    drawn = lines(curve.figure)
    assert drawn == {"active units": [1, 2, 3], "mutual information": [3, 4, 5], "its ceiling": [6.9] * 3}
    assert "cannot exceed its ceiling" in curve.text


def test_information_that_was_no_number_in_an_epoch_leaves_a_gap():
    history = [*HISTORY[:2], HISTORY[2] | {"validation": {"active_units": 3}}]
    information = lines(information_curve(history).figure)["mutual information"]
    assert information[:2] == [3, 4]
    assert np.isnan(information[2])


def test_a_gan_has_its_losses_and_diversity_alone():
    (curve,) = training_curves(GAN)
    drawn = lines(curve.figure)
    assert drawn["critic, validation"] == [1.2, 1.2]
    assert drawn["diversity"] == [0.9, 0.45]
    assert "diversity: from 0.90 in epoch 1 to 0.45 in epoch 2." in curve.text
    assert adversarial_curve(HISTORY) is None


@pytest.mark.parametrize("family", ["vae", "cvae", "ae", "gan"])
@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_curves_are_drawn_of_what_real_training_records(tmp_path, family, epochs):
    history = []
    if epochs:
        run = fresh_run(tmp_path / "run", run_config(family, epochs=epochs), digits("train", 64))
        Trainer(run, digits("train", 64), digits("validation", 40)).fit()
        history = run.history()
    n_curves = {"vae": 4, "cvae": 4, "ae": 3, "gan": 1}[family] if epochs else 0
    curves = training_curves(history)
    assert len(curves) == n_curves
    for curve in curves:
        assert curve.text
        assert all(axis.title.text is not None for axis in curve.figure.select_yaxes())
        assert list(curve.figure.data[0].x) == list(range(1, epochs + 1))
    if family == "ae" and epochs:
        assert not any("ELBO" in curve.title or "KL" in curve.title for curve in curves)


def test_lines_that_share_a_panel_differ_in_colour_or_dash():
    history = [record(epoch, elbo, objective=elbo - 3) for epoch, elbo in enumerate(ELBOS, start=1)]
    for curve in (*training_curves(history), *training_curves(GAN)):
        marks = [(t.yaxis, t.line.color, t.line.dash) for t in curve.figure.data if t.type == "scatter"]
        assert len(set(marks)) == len(marks)
