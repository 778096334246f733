"""Geodesics against those that are known: of linear decoders, of the sphere; and that each step goes downhill."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.func import jacrev

from explorer.analysis.paths.energy import (
    curvature,
    curve_energy,
    energy_and_slope,
    jacobians,
    refined,
    solve_block_tridiagonal,
)
from explorer.analysis.paths.geodesics import (
    PIECES,
    STOPPED,
    corrected_solve,
    decoder_mean,
    geodesic_path,
    minimise_energy,
)
from explorer.analysis.paths.interpolation import linear_path, path_times, step_lengths
from explorer.analysis.paths.summary import mean_images
from explorer.errors import ConfigError
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.runs.listing import open_run
from tests.support import LinearGaussian, model_config

EXACTLY = {"tolerance": 1e-13, "max_iterations": 400, "pieces": 1}
"""As good as float64 allows, by the points of the curve alone: what known geodesics have in closed form."""

T = path_times(16)


def sphere(z):
    """The plane as a unit sphere without its pole: stereographic projection, backwards."""
    squared = z.square().sum(-1, keepdim=True)
    return torch.cat([2 * z, squared - 1], dim=-1) / (1 + squared)


def network(n_dims=3, n_pixels=7, seed=0):
    """A smooth map with curvature in every direction."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(n_dims, 12, generator=generator, dtype=torch.float64)
    second = torch.randn(12, n_pixels, generator=generator, dtype=torch.float64)
    return lambda z: torch.tanh(z @ first) @ second


def rectifiers():
    """A map with kinks, straight between them."""
    first, second = curve(2, 9), curve(9, 4)
    return lambda z: torch.relu(z @ first) @ second


def curve(n_points, n_dims, seed=0):
    return torch.randn(n_points, n_dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def straight(a, b, n_points=16):
    a, b = (torch.as_tensor(end, dtype=torch.float64) for end in (a, b))
    t = torch.linspace(0, 1, n_points, dtype=torch.float64)[:, None]
    return (1 - t) * a + t * b


def model_of(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval()


def ends_of(run, first=0, last=1):
    mu = run.encoded().mu
    return mu[first], mu[last]


def test_the_energy_of_a_line_walked_evenly_is_half_its_squared_length():
    g, z = (lambda z: z), straight([0.0, 0], [3.0, 4])
    assert curve_energy(g, z) == pytest.approx(12.5)
    uneven = torch.tensor([0.0, 0.5, 3, 5], dtype=torch.float64)[:, None] * torch.tensor([0.6, 0.8])
    assert curve_energy(g, uneven) == pytest.approx(0.5 * 3 * (0.5**2 + 2.5**2 + 2**2))


def test_jacobians_are_those_of_autograd():
    g, z = network(), curve(5, 3)
    expected = torch.stack([jacrev(lambda row: g(row[None])[0])(row).T for row in z])
    torch.testing.assert_close(jacobians(g, z), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pieces", [1, 3])
def test_the_gradient_is_that_of_autograd_through_the_energy(pieces):
    g, z = network(), curve(6, 3)

    def energy(inner):
        images = g(refined(torch.cat([z[:1], inner, z[-1:]]), pieces))
        return 0.5 * (len(images) - 1) * images.diff(dim=0).square().sum()

    found, gradient = energy_and_slope(g, z, pieces=pieces)
    assert found == pytest.approx(float(energy(z[1:-1]))) == curve_energy(g, z, pieces=pieces)
    inner = z[1:-1].clone().requires_grad_()
    torch.testing.assert_close(gradient(), torch.autograd.grad(energy(inner), inner)[0])


def test_a_refined_polyline_lies_evenly_on_its_pieces():
    z = torch.tensor([[0.0, 0], [3, 0], [3, 6]])
    expected = torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 0], [3, 2], [3, 4], [3, 6]])
    torch.testing.assert_close(refined(z, 3), expected)
    torch.testing.assert_close(refined(z, 1), z)


def test_the_curvature_is_that_of_gauss_and_newton():
    g, z = network(), curve(6, 3)

    def residuals(inner):
        whole = torch.cat([z[:1], inner.view(4, 3), z[-1:]])
        return (math.sqrt(5) * g(whole).diff(dim=0)).flatten()

    slopes = jacrev(residuals)(z[1:-1].flatten())
    found = curvature(g, z)
    dense = torch.block_diag(*found.diagonal)
    for k, block in enumerate(found.above):
        dense[3 * k : 3 * k + 3, 3 * k + 3 : 3 * k + 6] = block
        dense[3 * k + 3 : 3 * k + 6, 3 * k : 3 * k + 3] = block.T
    torch.testing.assert_close(dense, slopes.T @ slopes)
    shift = torch.block_diag(*found.damped(0.25).diagonal) - torch.block_diag(*found.diagonal)
    torch.testing.assert_close(shift, 0.25 * dense.diagonal().mean() * torch.eye(12, dtype=torch.float64))


@pytest.mark.parametrize("n_blocks", [1, 2, 6])
def test_a_block_tridiagonal_system_is_solved_as_the_dense_one(n_blocks):
    generator = torch.Generator().manual_seed(n_blocks)
    size = 3
    dense = torch.randn(n_blocks * size, n_blocks * size, generator=generator, dtype=torch.float64)
    blocks = [slice(size * k, size * (k + 1)) for k in range(n_blocks)]
    for k, row in enumerate(blocks):
        for m, column in enumerate(blocks):
            if abs(k - m) > 1:
                dense[row, column] = 0
    dense = dense + dense.T + 20 * torch.eye(n_blocks * size, dtype=torch.float64)
    right = torch.randn(n_blocks, size, generator=generator, dtype=torch.float64)
    diagonal = torch.stack([dense[block, block] for block in blocks])
    above = torch.stack([dense[blocks[k], blocks[k + 1]] for k in range(n_blocks - 1)] or [dense[:0, :0]])
    expected = torch.linalg.solve(dense, right.flatten()).view(n_blocks, size)
    torch.testing.assert_close(solve_block_tridiagonal(diagonal, above, right), expected)


def test_the_corrected_curvature_is_that_of_broyden_fletcher_goldfarb_and_shanno():
    known = curvature(network(), curve(6, 3)).damped(0.1)
    dense = torch.block_diag(*known.diagonal)
    for k, block in enumerate(known.above):
        dense[3 * k : 3 * k + 3, 3 * k + 3 : 3 * k + 6] = block
        dense[3 * k + 3 : 3 * k + 6, 3 * k : 3 * k + 3] = block.T
    moves = [curve(4, 3, seed) for seed in (1, 2, 3)]
    steps = [(moved, (2 * dense @ moved.flatten()).view(4, 3) + 0.1 * moved) for moved in moves]
    inverse, eye = torch.linalg.inv(dense), torch.eye(12, dtype=torch.float64)
    for moved, changed in steps:
        s, y = moved.flatten(), changed.flatten()
        left = eye - torch.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + torch.outer(s, s) / (s @ y)
    gradient = curve(4, 3, seed=4)
    torch.testing.assert_close(corrected_solve(known, steps, gradient).flatten(), inverse @ gradient.flatten())
    torch.testing.assert_close(corrected_solve(known, steps, steps[-1][1]), steps[-1][0])


@pytest.mark.parametrize("scales", [(1, 1, 1), (1, 0.1, 0.003), (100, 1, 0.1)])
def test_of_a_linear_decoder_it_is_the_straight_line_however_unlike_its_directions(scales):
    weight = curve(3, 5, seed=1) * torch.tensor(scales, dtype=torch.float64)[:, None]
    line = straight([0.0, 0, 0], [1.0, 2, -1])
    bent = line.clone()
    bent[1:-1] += curve(14, 3, seed=2)
    found = minimise_energy(lambda z: z @ weight + 1, bent, tolerance=1e-15, max_iterations=400)
    assert found.is_converged
    torch.testing.assert_close(found.codes, line, rtol=0, atol=1e-5)
    steps = step_lengths((found.codes @ weight).numpy())
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b"),
    [((0.3, -0.4), (1.5, 0.8)), ((-1.0, 0.2), (1.0, 0.2)), ((0.1, 0.0), (0.0, 3.0)), ((2.0, 1.0), (-0.5, 1.2))],
)
def test_on_a_sphere_it_is_the_great_circle_in_place_and_length(a, b):
    line = straight(a, b)
    found = minimise_energy(sphere, line, **EXACTLY)
    assert found.is_converged
    points = sphere(found.codes)
    first, last = points[0], points[-1]
    normal = torch.linalg.cross(first, last)
    torch.testing.assert_close(points @ normal / normal.norm(), torch.zeros(16, dtype=torch.float64), rtol=0, atol=1e-6)
    angle = math.atan2(float(normal.norm()), float(first @ last))
    along = torch.linalg.cross(normal / normal.norm(), first)
    turned = torch.atan2(points @ along, points @ first)
    torch.testing.assert_close(turned, torch.linspace(0, angle, 16, dtype=torch.float64), rtol=0, atol=1e-6)
    chord = 2 * math.sin(angle / 30)
    assert found.energy == pytest.approx(0.5 * 15 * 15 * chord**2, rel=1e-9)
    assert step_lengths(points.numpy()).sum() == pytest.approx(angle, rel=2e-3)
    assert found.energy < curve_energy(sphere, line)


@pytest.mark.parametrize("g", [sphere, network(2), rectifiers()])
def test_every_step_goes_downhill_or_stays(g):
    line = straight([-1.0, 0.6], [1.4, 0.5])
    energies = [minimise_energy(g, line, tolerance=1e-9, max_iterations=n).energy for n in range(25)]
    assert energies[0] == curve_energy(g, line, pieces=PIECES)
    assert (np.diff(energies) <= 0).all()
    assert energies[-1] < energies[0]


def test_a_curve_that_is_the_geodesic_stays_where_it_is():
    best = minimise_energy(sphere, straight((0.3, -0.4), (1.5, 0.8)), **EXACTLY).codes
    again = minimise_energy(sphere, best, pieces=1)
    assert again.is_converged
    torch.testing.assert_close(again.codes, best, rtol=0, atol=1e-5)


@pytest.mark.parametrize("g", [lambda z: 0 * z, lambda z: torch.where(z.abs() < 0.9, 0.0, z)])
def test_a_decoder_without_slopes_leaves_the_straight_line(g):
    line = straight([-1.0, -1], [1.0, 1], 8)
    found = minimise_energy(g, line)
    assert found.is_converged
    assert found.energy <= curve_energy(g, line, pieces=PIECES)
    assert torch.isfinite(found.codes).all()


def test_dimensions_that_the_decoder_does_not_use_stay_on_the_straight_line():
    line = straight([0.3, -0.4, -2.0], [1.5, 0.8, 5.0])
    found = minimise_energy(lambda z: sphere(z[:, :2]), line, **EXACTLY)
    torch.testing.assert_close(found.codes[:, 2], line[:, 2])
    torch.testing.assert_close(
        found.codes[:, :2], minimise_energy(sphere, line[:, :2], **EXACTLY).codes, rtol=0, atol=1e-4
    )


def test_it_tells_how_far_it_is_and_stops_when_asked():
    told, asked = [], iter([False, False, True])
    line = straight([-1.0, 0.6], [1.4, 0.5])
    found = minimise_energy(
        sphere, line, tolerance=0, max_iterations=10, on_progress=told.append, stop=lambda: next(asked)
    )
    assert found.is_stopped
    assert not found.is_converged
    assert found.iterations == 2
    assert [progress.fraction for progress in told] == [0, 0.1, 0.2]
    assert (
        found.energy == minimise_energy(sphere, line, tolerance=0, max_iterations=2).energy < curve_energy(sphere, line)
    )


def test_of_a_linear_model_the_path_is_the_linear_one_at_any_times():
    model = LinearGaussian.example()
    a, b = np.array([-1, 2], np.float32), np.array([0.5, -1], np.float32)
    t = path_times(23, overshoot=0.2)
    path = geodesic_path(model, a, b, t)
    np.testing.assert_allclose(path.codes, linear_path(a, b, t).codes, atol=1e-4)
    assert (path.kind, path.note, path.is_converged) == ("geodesic", "", True)
    assert path.energy == pytest.approx(path.straight_energy)
    images = mean_images(model, a[None]) - mean_images(model, b[None])
    assert path.energy == pytest.approx(0.5 * np.square(images).sum(), rel=1e-5)


@pytest.mark.parametrize("name", ["digits-vae-2d", "digits-ae-2d", "digits-cvae-2d"])
@pytest.mark.parametrize("last", [1, 7, 40])
def test_on_digits_its_energy_is_at_most_that_of_the_straight_line(name, last):
    run = open_run(name, CHECKPOINTS)
    (a, b), label = ends_of(run, last=last), 3 if "cvae" in name else None
    path = geodesic_path(run.model(), a, b, T, label=label)
    assert path.energy <= path.straight_energy
    np.testing.assert_array_equal(path.codes[[0, -1]], [a, b])
    g = decoder_mean(run.model(), label)
    assert path.energy == pytest.approx(curve_energy(g, torch.from_numpy(path.codes), pieces=PIECES), rel=1e-5)
    line = torch.from_numpy(linear_path(a, b, T).codes)
    assert path.straight_energy == pytest.approx(curve_energy(g, line, pieces=PIECES), rel=1e-6)


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-low-rank", "continuous-bernoulli"])
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_every_decoder_can_be_differentiated(likelihood, network):
    model = model_of(likelihood=likelihood, network=network, latent_dim=4)
    a, b = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32) * 3
    path = geodesic_path(model, a, b, T)
    assert path.energy <= path.straight_energy
    z = torch.from_numpy(path.codes)
    torch.testing.assert_close(
        jacobians(decoder_mean(model), z)[3], jacrev(lambda row: decoder_mean(model)(row[None])[0])(z[3]).T
    )


def test_it_is_found_within_inference_mode_and_leaves_the_model_as_it_was():
    model = model_of()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    a, b = np.random.default_rng(0).normal(size=(2, 2)).astype(np.float32)
    with torch.inference_mode():
        path = geodesic_path(model, a, b, T)
    np.testing.assert_array_equal(path.codes, geodesic_path(model, a, b, T).codes)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_from_another_start_it_is_never_worse_than_from_the_straight_line():
    run = open_run("digits-vae-2d", CHECKPOINTS)
    a, b = ends_of(run)
    wild = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32) * 20
    path = geodesic_path(run.model(), a, b, T, start=wild, max_iterations=2)
    assert path.energy <= path.straight_energy
    np.testing.assert_array_equal(path.codes[[0, -1]], [a, b])


def test_a_search_that_is_cut_short_says_so():
    run = open_run("digits-vae-2d", CHECKPOINTS)
    search = partial(geodesic_path, run.model(), *ends_of(run), T, tolerance=0)
    stopped = search(stop=lambda: True)
    assert (stopped.note, stopped.iterations, stopped.is_converged) == (STOPPED, 0, False)
    assert stopped.energy == stopped.straight_energy
    cut = search(max_iterations=1)
    assert "did not converge within 1 steps" in cut.note


def test_between_the_same_code_it_stays():
    a = np.ones(2, np.float32)
    path = geodesic_path(model_of(), a, a, T)
    assert "same code" in path.note
    np.testing.assert_array_equal(path.codes, np.ones((16, 2)))


@pytest.mark.parametrize("n_points", [2, 65])
def test_too_few_and_too_many_points_are_refused(n_points):
    with pytest.raises(ConfigError, match=f"A geodesic of {n_points} points cannot be sought: use 3 to 64"):
        geodesic_path(model_of(), np.zeros(2, np.float32), np.ones(2, np.float32), T, n_points=n_points)


def test_three_points_are_enough():
    line = straight((0.3, -0.4), (1.5, 0.8), 3)
    found = minimise_energy(sphere, line, **EXACTLY)
    first, middle, last = sphere(found.codes)
    torch.testing.assert_close(middle, (first + last) / (first + last).norm(), rtol=0, atol=1e-6)


def test_a_conditional_model_without_a_class_is_refused_in_words():
    with pytest.raises(ConfigError, match="given a class"):
        geodesic_path(model_of("cvae"), np.zeros(2, np.float32), np.ones(2, np.float32), T)


@pytest.mark.parametrize("name", ["mnist-vae-16d", "mnist-vae-2d", "mnist-ae-16d", "mnist-cvae-16d"])
def test_on_mnist_its_energy_is_below_that_of_the_straight_line_finely_measured_too(name):
    run = open_run(name, CHECKPOINTS)
    (a, b), label = ends_of(run), 7 if "cvae" in name else None
    path, line = geodesic_path(run.model(), a, b, T, label=label), linear_path(a, b, T)
    assert path.energy < path.straight_energy
    g = decoder_mean(run.model(), label)
    energies = [curve_energy(g, torch.from_numpy(each.finely().codes)) for each in (path, line)]
    assert energies[0] < energies[1]
