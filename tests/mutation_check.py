"""Do the tests bite? Breaks one formula at a time and sees whether a test fails.

Run: python -m tests.mutation_check [--only TEXT] [--processes N] [--write]. Works on copies of the project in a
temporary folder, so nothing here is touched; --write puts the outcome into tests/README.md. Ends with status 1 if a
mutation went unnoticed. Each mutation names the tests that should notice it; they run until the first failure. Before,
they must pass unbroken. All run in processes of their own, forked from this one, which has imported torch but nothing
of the project.
"""

import argparse
import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "tests" / "README.md"
BEGIN, END = "<!-- outcome -->", "<!-- end -->"
COPIED = ("explorer", "pages", "tests", "pyproject.toml", "README.md")
PYTEST = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header")
FAILED = 1
"""Pytest's exit status when tests ran and one failed; a file that cannot be imported ends otherwise."""

PRELOADED = ("pytest", "numpy", "scipy.stats", "torch._dynamo", "torchvision.datasets", "sklearn.manifold")
"""What takes long to import, and is not ours: no process may have any of the project before it is broken."""

FORKED = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Mutation:
    """A formula, what is done to it, and the tests that should notice."""

    what: str
    file: str
    before: str
    after: str
    tests: str


DENSITIES = "explorer/models/distributions.py"
KL = "explorer/models/divergences.py"
POSTERIORS = "explorer/models/posteriors.py"
LIKELIHOODS = "explorer/models/likelihoods.py"
ELBO = "explorer/objectives/elbo.py"
IMPORTANCE = "explorer/objectives/importance.py"
INFORMATION = "explorer/objectives/information.py"
STEP = "explorer/training/step.py"
REGIMES = "explorer/training/regimes.py"
JUDGING = "explorer/analysis/evaluation/classifier.py"
GRIDS = "explorer/analysis/latent/grids.py"

CURVES, PATHS = "explorer/analysis/paths/curves.py", "explorer/analysis/paths/interpolation.py"
ENERGY, GEODESICS = "explorer/analysis/paths/energy.py", "explorer/analysis/paths/geodesics.py"
DATA_PATHS, PATH_FACTS = "explorer/analysis/paths/neighbour_graph.py", "explorer/analysis/paths/summary.py"
DIRECTIONS = "explorer/analysis/latent/attributes.py"
FILMS = "explorer/workflows/video.py"
BOOTSTRAP, FRECHET = "explorer/analysis/statistics/bootstrap.py", "explorer/analysis/statistics/frechet.py"
EMBEDDING, MEASURES = "explorer/analysis/statistics/embedding.py", "explorer/analysis/comparison/estimators.py"
GROUPS, MEASURED = "explorer/analysis/comparison/seeds.py", "explorer/analysis/comparison/measurements.py"
LINEUP, MEASURES_FILES = "explorer/workflows/measurement_setup.py", "explorer/runs/measurements.py"
DISCREPANCY, CALIBRATION = "explorer/analysis/statistics/mmd.py", "explorer/analysis/evaluation/sbc.py"
BOUND_GROWTH = "explorer/analysis/evaluation/iwae_curve.py"

SHARE = "explorer/training/distributed.py"
TRAINING = " ".join(f"tests/training/test_{part}.py" for part in ("regimes", "trainer", "validation", "optimisers"))
"""Those that run in one process: the others take a minute for each mutation."""

MUTATIONS = [
    Mutation("unsquare mu in the KL of normals", KL, "(q.mu - p.mu).square()", "(q.mu - p.mu)", "tests/models"),
    Mutation(
        "flip the sign of the log-ratio in the KL of normals",
        KL,
        "(log_ratio.exp() + squared_shift - 1 - log_ratio)",
        "(log_ratio.exp() + squared_shift - 1 + log_ratio)",
        "tests/models",
    ),
    Mutation(
        "drop the prior's variance from the KL of normals",
        KL,
        "(q.mu - p.mu).square() * (-p.log_var).exp()",
        "(q.mu - p.mu).square()",
        "tests/models",
    ),
    Mutation(
        "mean over dimensions instead of sum in a normal's log density",
        DENSITIES,
        "return -0.5 * (squared + self.log_var + math.log(2 * math.pi)).sum(dim=-1)",
        "return -0.5 * (squared + self.log_var + math.log(2 * math.pi)).mean(dim=-1)",
        "tests/models",
    ),
    Mutation(
        "variance instead of deviation in a normal's sample",
        DENSITIES,
        "return self.mu + (0.5 * self.log_var).exp() * epsilon",
        "return self.mu + self.log_var.exp() * epsilon",
        "tests/models",
    ),
    Mutation(
        "drop the log of the scale from the logistic density",
        DENSITIES,
        "return -y - 2 * F.softplus(-y) - self.scale.log()",
        "return -y - 2 * F.softplus(-y)",
        "tests/models",
    ),
    Mutation(
        "drop a factor from the Rayleigh density",
        DENSITIES,
        "value.log() - 2 * self.scale.log()",
        "value.log() - self.scale.log()",
        "tests/models",
    ),
    Mutation(
        "flip the sign of the log-ratio in the KL of Rayleighs",
        KL,
        "return log_ratio.exp() - 1 - log_ratio",
        "return log_ratio.exp() - 1 + log_ratio",
        "tests/models",
    ),
    Mutation(
        "drop the log of the width from the triangular density",
        DENSITIES,
        "height.clamp(min=1e-6).log() - self.half_width.log()",
        "height.clamp(min=1e-6).log()",
        "tests/models",
    ),
    Mutation(
        "flip the sign of Euler's constant in the KL of Weibulls",
        KL,
        "(log_scale - EULER_GAMMA / k)",
        "(log_scale + EULER_GAMMA / k)",
        "tests/models",
    ),
    Mutation(
        "flip the sign of the entropy in the KL of a Kumaraswamy",
        KL,
        "(p.high - p.low).log() - entropy",
        "(p.high - p.low).log() + entropy",
        "tests/models",
    ),
    Mutation(
        "sum a full normal's factor over columns instead of rows",
        KL,
        "factor.square().sum(-1) + (q.loc - p.mu).square()",
        "factor.square().sum(-2) + (q.loc - p.mu).square()",
        "tests/models",
    ),
    Mutation(
        "reverse a sampled KL",
        KL,
        "difference: Tensor = q.base_dist.log_prob(z) - p.base_dist.log_prob(z)",
        "difference: Tensor = p.base_dist.log_prob(z) - q.base_dist.log_prob(z)",
        "tests/models",
    ),
    Mutation(
        "transpose a full normal's factor",
        POSTERIORS,
        "factor[..., row, column] = below",
        "factor[..., column, row] = below",
        "tests/models",
    ),
    Mutation(
        "let an interval leave (-1, 1)",
        POSTERIORS,
        "0.999 * (1 - half_width) * torch.tanh(first)",
        "0.999 * torch.tanh(first)",
        "tests/models",
    ),
    Mutation(
        "swap mean and log-variance of a class's prior",
        "explorer/models/cvae.py",
        "mu, log_var = rows.unbind(dim=-2)",
        "log_var, mu = rows.unbind(dim=-2)",
        "tests/models",
    ),
    Mutation(
        "subtract a class's weights instead of adding them",
        "explorer/models/networks.py",
        "return out + column.view",
        "return out - column.view",
        "tests/models",
    ),
    Mutation(
        "drop the log of the continuous Bernoulli's normaliser",
        LIKELIHOODS,
        "closed = (apart / torch.tanh(apart / 2)).log()",
        "closed = apart / torch.tanh(apart / 2)",
        "tests/models",
    ),
    Mutation(
        "flip a sign in the continuous Bernoulli's mean",
        LIKELIHOODS,
        "closed = 0.5 + 0.5 / torch.tanh(apart / 2) - 1 / apart",
        "closed = 0.5 + 0.5 / torch.tanh(apart / 2) + 1 / apart",
        "tests/models",
    ),
    Mutation(
        "variance instead of deviation in a learned Gaussian",
        LIKELIHOODS,
        "return (0.5 * (WIDEST_LOG_VAR",
        "return (1.0 * (WIDEST_LOG_VAR",
        "tests/models",
    ),
    Mutation(
        "unsquare the diagonal of the low-rank covariance",
        LIKELIHOODS,
        "sigma.flatten(-IMAGE_DIMS).double().square()",
        "sigma.flatten(-IMAGE_DIMS).double()",
        "tests/models",
    ),
    Mutation(
        "add the KL to the bound",
        ELBO,
        "return self.log_likelihood - beta * self.kl",
        "return self.log_likelihood + beta * self.kl",
        "tests/objectives",
    ),
    Mutation(
        "sum instead of mean over posterior samples",
        ELBO,
        "log_likelihood = log_likelihood_of(model, z, x, y).mean(0)",
        "log_likelihood = log_likelihood_of(model, z, x, y).sum(0)",
        "tests/objectives",
    ),
    Mutation(
        "reverse the KL of SGVB-A",
        ELBO,
        "sampled: Tensor = posterior.log_prob(z) - prior.log_prob(z)",
        "sampled: Tensor = prior.log_prob(z) - posterior.log_prob(z)",
        "tests/objectives",
    ),
    Mutation(
        "free the KL above the floor instead of below it",
        ELBO,
        "return held.mean(terms.kl.clamp(min=nats))",
        "return held.mean(terms.kl.clamp(max=nats))",
        "tests/objectives",
    ),
    Mutation(
        "mean over dimensions in free bits per dimension",
        ELBO,
        "_of_dimensions(terms).clamp(min=nats).sum(-1)",
        "_of_dimensions(terms).clamp(min=nats).mean(-1)",
        "tests/objectives",
    ),
    Mutation(
        "free bits of each image instead of the batch's mean",
        ELBO,
        "held.joint_mean(_of_dimensions(terms)).clamp(min=nats).sum()",
        "held.joint_mean(_of_dimensions(terms).clamp(min=nats)).sum()",
        "tests/objectives",
    ),
    Mutation(
        "flip the sign of the KL in what is maximised",
        "explorer/objectives/objective.py",
        "held.mean(terms.log_likelihood) - config.beta * kl",
        "held.mean(terms.log_likelihood) + config.beta * kl",
        "tests/objectives",
    ),
    Mutation(
        "let beta rise above its end",
        "explorer/objectives/config.py",
        "share = min(1.0, epoch / self.ramp_epochs)",
        "share = max(1.0, epoch / self.ramp_epochs)",
        "tests/objectives",
    ),
    Mutation(
        "reverse the ratio of prior and posterior in importance weights",
        IMPORTANCE,
        "log_ratio=prior.log_prob(z) - posterior.log_prob(z)",
        "log_ratio=posterior.log_prob(z) - prior.log_prob(z)",
        "tests/objectives",
    ),
    Mutation(
        "drop log k from the importance-weighted bound",
        IMPORTANCE,
        "return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))",
        "return torch.logsumexp(log_weights, dim=0)",
        "tests/objectives",
    ),
    Mutation(
        "drop log k from the chunked estimate of log p(x)",
        IMPORTANCE,
        "log_px=sums[0] - math.log(n_samples)",
        "log_px=sums[0]",
        "tests/objectives",
    ),
    Mutation(
        "unsquare the weights in the standard error of log p(x)",
        IMPORTANCE,
        "torch.logsumexp(2 * log_weights, 0)",
        "torch.logsumexp(log_weights, 0)",
        "tests/objectives",
    ),
    Mutation(
        "flip the sign of the mutual information",
        INFORMATION,
        "mutual_information=log_own - log_mixture,",
        "mutual_information=log_mixture - log_own,",
        "tests/objectives tests/analysis/evaluation/test_evaluation.py",
    ),
    Mutation(
        "leave what images bring to the information in the order of their classes",
        INFORMATION,
        "back = torch.cat(rows).argsort()",
        "back = torch.arange(len(y))",
        "tests/objectives/test_information.py",
    ),
    Mutation(
        "drop log N from the aggregated posterior",
        INFORMATION,
        "return torch.cat(parts) - math.log(n_components)",
        "return torch.cat(parts)",
        "tests/objectives tests/analysis/evaluation/test_evaluation.py",
    ),
    Mutation(
        "deviation instead of variance in active units",
        INFORMATION,
        "mu.var(dim=0, correction=0)",
        "mu.std(dim=0, correction=0)",
        "tests/objectives tests/analysis/evaluation/test_evaluation.py tests/training/test_validation.py",
    ),
    Mutation(
        "descend on the objective itself",
        STEP,
        "return -result.value, sums.detach()",
        "return result.value, sums.detach()",
        TRAINING,
    ),
    Mutation(
        "teach the critic the opposite of real images",
        STEP,
        "loss = held.mean(F.softplus(-on_real)",
        "loss = held.mean(F.softplus(on_real)",
        TRAINING,
    ),
    Mutation(
        "unsquare the critic's gradient penalty",
        STEP,
        "held.mean(gradient.flatten(1).square().sum(1))",
        "held.mean(gradient.flatten(1).sum(1))",
        TRAINING,
    ),
    Mutation(
        "flip the sign of the generator's loss",
        STEP,
        "mean(F.softplus(-self.model.criticise(self.model.generate(z))))",
        "mean(F.softplus(self.model.criticise(self.model.generate(z))))",
        TRAINING,
    ),
    Mutation(
        "let the encoder go on while it gets worse",
        REGIMES,
        "if not mean > previous:",
        "if not mean < previous:",
        TRAINING,
    ),
    Mutation(
        "leave the aggressive phase while information rises",
        REGIMES,
        "if not information > self._best_information:",
        "if information > self._best_information:",
        TRAINING,
    ),
    Mutation(
        "move the decoder with every encoder step",
        REGIMES,
        "if self._n_updates % self._n_encoder_steps == 0:",
        "if self._n_updates % 1 == 0:",
        TRAINING,
    ),
    Mutation(
        "raise the step size of the IWAE schedule",
        "explorer/training/optimisers.py",
        "10 ** (-_iwae_stage(int(epoch)) / 7)",
        "10 ** (_iwae_stage(int(epoch)) / 7)",
        TRAINING,
    ),
    Mutation(
        "flip the bits of binarised pixels",
        "explorer/data/batches.py",
        ".mul_(255) < images",
        ".mul_(255) > images",
        "tests/data",
    ),
    Mutation(
        "mean instead of sum over pixels in the squared error",
        "explorer/analysis/evaluation/evaluate.py",
        "(x - decoded).square().flatten(1).sum(1)",
        "(x - decoded).square().flatten(1).mean(1)",
        "tests/analysis/evaluation/test_evaluation.py",
    ),
    Mutation(
        "add the KL to the evaluated bound",
        "explorer/analysis/evaluation/evaluate.py",
        'joined["log_likelihood"] - joined["kl"]',
        'joined["log_likelihood"] + joined["kl"]',
        "tests/analysis/evaluation/test_evaluation.py",
    ),
    Mutation(
        "flip the sign of the Jacobian in a density of codes",
        "explorer/analysis/latent/density_models.py",
        "estimator.score_samples(standard) - np.log(self._scale).sum()",
        "estimator.score_samples(standard) + np.log(self._scale).sum()",
        "tests/analysis/latent/test_density.py",
    ),
    Mutation(
        "variance instead of deviation in a draw from the prior",
        "explorer/analysis/latent/priors.py",
        "prior.mean.numpy(), prior.variance.sqrt().numpy()",
        "prior.mean.numpy(), prior.variance.numpy()",
        "tests/analysis/latent/test_generation.py",
    ),
    Mutation(
        "flip the direction of a projection's inverse",
        "explorer/analysis/projections/base.py",
        "(reference + shift @ self.axes)",
        "(reference - shift @ self.axes)",
        "tests/analysis/projections/test_projections.py",
    ),
    Mutation(
        "drop the slopes of a map of neighbours",
        "explorer/analysis/projections/base.py",
        'mean + np.einsum("mi,mil->ml", step, slopes)',
        "mean",
        "tests/analysis/projections/test_projections.py",
    ),
    Mutation(
        "add the ceilings of the classes instead of weighing them",
        INFORMATION,
        "share * math.log(size) for share, size in zip(shares",
        "math.log(size) for share, size in zip(shares",
        "tests/objectives/test_information.py",
    ),
    Mutation(
        "divide a process's part of a mean by its own rows",
        SHARE,
        "values[: self._n_own].sum(0) / self.weight",
        "values[: self._n_own].mean(0)",
        "tests/training/test_distributed.py::test_parts_of_a_mean_average_to_the_mean_and_weigh_up_to_the_sum",
    ),
    Mutation(
        "draw noise for a process's own rows only",
        ELBO,
        "share.own(whole.rsample(size), dim=1)",
        "model.posterior(parameters).rsample(size)",
        "tests/training/test_distributed.py::test_processes_train_what_one_process_trains",
    ),
    Mutation(
        "count what an outline goes around twice as inside",
        "explorer/analysis/projections/lasso.py",
        "is_inside[at] ^= x[at]",
        "is_inside[at] |= x[at]",
        "tests/analysis/projections/test_selection.py",
    ),
    Mutation(
        "take the likeliest class instead of weighing the columns of all",
        "explorer/models/networks.py",
        "y @ self.label_weight if is_weights(y)",
        "self.label_weight[y.argmax(dim=-1)] if is_weights(y)",
        "tests/models/test_networks.py",
    ),
    Mutation(
        "take the prior of the likeliest class instead of weighing those of all",
        "explorer/models/cvae.py",
        "torch.tensordot(y, self.class_prior, dims=1)",
        "self.class_prior[y.argmax(dim=-1)]",
        "tests/models/test_priors.py",
    ),
    Mutation(
        "go straight where a spherical path turns",
        CURVES,
        "np.cos(t * self.angle) * self.along",
        "(1 - t) * self.along",
        "tests/analysis/paths/test_paths.py",
    ),
    Mutation(
        "keep the first code's length on a spherical path",
        CURVES,
        "(1 - t) * self.lengths[0] + t * self.lengths[1]",
        "(1 - t) * self.lengths[0] + t * self.lengths[0]",
        "tests/analysis/paths/test_paths.py",
    ),
    Mutation(
        "go backwards beyond a polyline's end",
        CURVES,
        "np.maximum(t - 1, 0)[:, None] * after",
        "np.maximum(t - 1, 0)[:, None] * -after",
        "tests/analysis/paths/test_paths.py",
    ),
    Mutation(
        "give every vertex of a polyline the same time",
        CURVES,
        "np.cumsum(lengths[lengths > 0])",
        "np.cumsum(np.ones_like(lengths[lengths > 0]))",
        "tests/analysis/paths/test_paths.py",
    ),
    Mutation(
        "invert the wrong function for constant speed",
        PATHS,
        "np.interp(path.t, passed[advances] / passed[-1], fine.t[advances])",
        "np.interp(path.t, fine.t[advances], passed[advances] / passed[-1])",
        "tests/analysis/paths/test_paths.py",
    ),
    Mutation(
        "flip the bends in the gradient of a curve's energy",
        ENERGY,
        "-change.diff(dim=0), change[-1:]",
        "change.diff(dim=0), change[-1:]",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "count a curve's points instead of its pieces in its energy",
        ENERGY,
        "0.5 * (len(images) - 1) * float",
        "0.5 * len(images) * float",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "halve the curvature of a curve's energy",
        ENERGY,
        "2 * n_pieces * row @ row.T",
        "n_pieces * row @ row.T",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "transpose the blocks above the diagonal",
        ENERGY,
        "rests[k] - above[k] @ solution[-1]",
        "rests[k] - above[k].T @ solution[-1]",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "flip a correction of the curvature by the steps",
        GEODESICS,
        "gradient = gradient - weights[-1] * changed",
        "gradient = gradient + weights[-1] * changed",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "take steps that raise the energy",
        GEODESICS,
        "if energy < self.energies[-1] + SUFFICIENT * length * slope:",
        "if energy < self.energies[-1] - 10 * length * slope:",
        "tests/analysis/paths/test_geodesics.py",
    ),
    Mutation(
        "join codes in one direction alone",
        DATA_PATHS,
        "directed=False",
        "directed=True",
        "tests/analysis/paths/test_data_paths.py",
    ),
    Mutation(
        "drop the time step from a path's energy",
        PATH_FACTS,
        "0.5 * n_steps * np.square(steps)",
        "0.5 * np.square(steps)",
        "tests/analysis/paths/test_path_facts.py",
    ),
    Mutation(
        "add instead of subtracting in latent arithmetic",
        DIRECTIONS,
        "a.astype(np.float64) - b + c",
        "a.astype(np.float64) + b + c",
        "tests/analysis/latent/test_directions.py",
    ),
    Mutation(
        "turn an attribute's direction around",
        DIRECTIONS,
        "direction = (there - here) / distance",
        "direction = (here - there) / distance",
        "tests/analysis/latent/test_directions.py",
    ),
    Mutation(
        "try an attribute's direction on the images it was found by",
        DIRECTIONS,
        "_between_means(codes[~is_held_out], is_member[~is_held_out])",
        "_between_means(codes, is_member)",
        "tests/analysis/latent/test_directions.py",
    ),
    Mutation(
        "swap top and bottom of a grid between corners",
        GRIDS,
        "(1 - down) * top + down * bottom",
        "down * top + (1 - down) * bottom",
        "tests/analysis/latent/test_corners.py",
    ),
    Mutation(
        "show the last frame of a loop twice",
        FILMS,
        "np.arange(n - 2, 0, -1)",
        "np.arange(n - 1, 0, -1)",
        "tests/workflows/test_video.py",
    ),
    Mutation(
        "round each frame's delay by itself",
        FILMS,
        "np.round(np.arange(n + 1) / (fps * unit)).astype(int)",
        "np.arange(n + 1) * round(1 / (fps * unit))",
        "tests/workflows/test_video.py",
    ),
    Mutation(
        "take the interval of one side for that of both",
        BOOTSTRAP,
        "stats.t.ppf((1 + CONFIDENCE) / 2, freedom)",
        "stats.t.ppf(CONFIDENCE, freedom)",
        "tests/analysis/comparison/test_groups.py",
    ),
    Mutation(
        "judge by the least likely class",
        JUDGING,
        "probabilities.argmax(axis=1) == labels",
        "probabilities.argmin(axis=1) == labels",
        "tests/analysis/evaluation/test_class_probabilities.py::test_planted_classes_are_read_with_the_probabilities_of_a_softmax",
    ),
    Mutation(
        "begin the cells of a manifold at their edges",
        GRIDS,
        "(np.arange(n_side) + 0.5) / n_side",
        "(np.arange(n_side) + 1) / (n_side + 1)",
        "tests/analysis/latent/test_grids.py",
    ),
    Mutation(
        "let a manifold grow downwards",
        GRIDS,
        "np.meshgrid(noise, noise[::-1])",
        "np.meshgrid(noise, noise)",
        "tests/analysis/latent/test_grids.py",
    ),
    Mutation(
        "keep the deviation of the image's own class in another",
        GRIDS,
        "(mean + scale * noise).astype(np.float32)\n    codes[label] = z",
        "(mean + scale[label] * noise).astype(np.float32)\n    codes[label] = z",
        "tests/analysis/latent/test_grids.py",
    ),
    Mutation(
        "take a deviation for a variance in a prior's moments",
        "explorer/analysis/latent/priors.py",
        "return prior.mean.numpy(), prior.variance.sqrt().numpy()",
        "return prior.mean.numpy(), prior.variance.numpy()",
        "tests/analysis/latent/test_grids.py",
    ),
    Mutation(
        "leave 5 % out at each end of an interval",
        BOOTSTRAP,
        "tail = (1 - CONFIDENCE) / 2",
        "tail = 1 - CONFIDENCE",
        "tests/analysis/statistics/test_bootstrap.py",
    ),
    Mutation(
        "draw items that are not the same for two runs",
        BOOTSTRAP,
        "of.replicates - to.replicates",
        "of.replicates - to.replicates[::-1]",
        "tests/analysis/statistics/test_bootstrap.py",
    ),
    Mutation(
        "leave a biased statistic where its resamples are",
        BOOTSTRAP,
        "replicates - replicates.mean() + value",
        "replicates",
        "tests/analysis/statistics/test_bootstrap.py",
    ),
    Mutation(
        "call a difference one where an end of its interval is not 0",
        MEASURED,
        "(self.low > 0 or self.high < 0)",
        "(self.low != 0 or self.high != 0)",
        "tests/analysis/comparison/test_comparison.py",
    ),
    Mutation(
        "find what was measured by another judge",
        LINEUP,
        "judge=self._classifier_file(config)[1]",
        'judge=""',
        "tests/workflows/test_comparing.py",
    ),
    Mutation(
        "believe a file of measures that says it is of other settings",
        MEASURES_FILES,
        'metadata["basis"] != cache_key.to_json()',
        'metadata["basis"] == ""',
        "tests/runs/test_measurement_files.py",
    ),
    Mutation(
        "drop the root from the Frechet distance",
        FRECHET,
        "np.sqrt(np.maximum(variances, 0))",
        "np.maximum(variances, 0)",
        "tests/analysis/statistics/test_frechet.py",
    ),
    Mutation(
        "once instead of twice the root of the product in the Frechet distance",
        FRECHET,
        "spreads - 2 * roots",
        "spreads - roots",
        "tests/analysis/statistics/test_frechet.py",
    ),
    Mutation(
        "count an item's likeness to itself in the discrepancy",
        DISCREPANCY,
        "np.fill_diagonal(kernel, 0)\n    first",
        "first",
        "tests/analysis/statistics/test_discrepancy.py",
    ),
    Mutation(
        "leave the permutation that was seen out of the p-value",
        DISCREPANCY,
        "(1 + int((permuted >= value).sum())) / (n_permutations + 1)",
        "int((permuted >= value).sum()) / n_permutations",
        "tests/analysis/statistics/test_discrepancy.py",
    ),
    Mutation(
        "count draws above a code for its rank",
        CALIBRATION,
        "(draws < z).sum(dim=0)",
        "(draws > z).sum(dim=0)",
        "tests/analysis/evaluation/test_calibration.py",
    ),
    Mutation(
        "call a narrow posterior wide",
        CALIBRATION,
        '"narrow" if width > 0',
        '"narrow" if width < 0',
        "tests/analysis/evaluation/test_calibration.py",
    ),
    Mutation(
        "take the bound of a group for the mean of its weights' logarithms",
        BOUND_GROWTH,
        "importance_weighted_bound(groups).mean(0)",
        "groups.mean(0).mean(0)",
        "tests/analysis/evaluation/test_bound_growth.py",
    ),
    Mutation(
        "forget to square the sum in the effective number of samples",
        BOUND_GROWTH,
        "2 * torch.logsumexp(log_weights, 0) -",
        "torch.logsumexp(log_weights, 0) -",
        "tests/analysis/evaluation/test_bound_growth.py",
    ),
    Mutation(
        "drop the means from the Frechet distance",
        FRECHET,
        "np.square(a.mean - b.mean).sum(axis=-1) + spreads",
        "spreads",
        "tests/analysis/statistics/test_frechet.py",
    ),
    Mutation(
        "second moments instead of covariances in resamples",
        FRECHET,
        "seconds - means[:, :, None] * means[:, None, :]",
        "seconds",
        "tests/analysis/statistics/test_frechet.py",
    ),
    Mutation(
        "normalise mutual information once too little",
        EMBEDDING,
        "2 * information, apart",
        "information, apart",
        "tests/analysis/statistics/test_embedding_metrics.py",
    ),
    Mutation(
        "count a neighbour at the last rank as lost",
        EMBEDDING,
        "ranks - n_neighbours, 0)",
        "ranks - n_neighbours + 1, 0)",
        "tests/analysis/statistics/test_embedding_metrics.py",
    ),
    Mutation(
        "scale trustworthiness by one image more",
        EMBEDDING,
        "3 * n_neighbours - 1)",
        "3 * n_neighbours + 1)",
        "tests/analysis/statistics/test_embedding_metrics.py",
    ),
    Mutation(
        "fit the probe to codes as they are",
        EMBEDDING,
        "make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))",
        "make_pipeline(LogisticRegression(max_iter=MAX_ITERATIONS))",
        "tests/analysis/statistics/test_embedding_metrics.py",
    ),
    Mutation(
        "measure a walk by the squares of its steps",
        MEASURES,
        "np.linalg.norm(np.diff(images, axis=1), axis=2).sum(axis=1)",
        "np.square(np.diff(images, axis=1)).sum(axis=(1, 2))",
        "tests/analysis/comparison/test_estimators.py",
    ),
    Mutation(
        "second moments instead of variances in active units",
        MEASURES,
        "np.square(centred)) - np.square(resampling.means(centred))",
        "np.square(mu)) - 0 * resampling.means(centred)",
        "tests/analysis/comparison/test_estimators.py",
    ),
    Mutation(
        "add the KL to the likelihood instead of taking it off",
        MEASURES,
        "-negative - terms.kl",
        "-negative + terms.kl",
        "tests/analysis/comparison/test_estimators.py",
    ),
    Mutation(
        "drop the sizes of the groups from Welch's variance",
        BOOTSTRAP,
        "float(np.var(values, ddof=1)) / len(values)",
        "float(np.var(values, ddof=1))",
        "tests/analysis/comparison/test_groups.py",
    ),
    Mutation(
        "spread over seeds as if they were all there are",
        GROUPS,
        "np.std(values, ddof=1)",
        "np.std(values)",
        "tests/analysis/comparison/test_groups.py",
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Mutations whose description holds this text.")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="How many run at a time.")
    parser.add_argument("--write", action="store_true", help="Put the outcome into tests/README.md.")
    arguments = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if arguments.only in mutation.what]
    for mutation in chosen:
        _check_text(mutation)
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for name in PRELOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        _check_unbroken(Path(folder), chosen, arguments.processes)
        outcomes = dict(_outcomes(Path(folder), chosen, arguments.processes))
    n_caught = sum(outcome is not None for outcome in outcomes.values())
    print(f"{n_caught} of {len(chosen)} mutations made a test fail")
    if arguments.write:
        _write(chosen, [outcomes[mutation] for mutation in chosen])
    sys.exit(n_caught < len(chosen))


def _check_text(mutation: Mutation) -> None:
    """End with a message where the formula has changed since the mutation was written."""
    n_found = (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.before)
    if n_found != 1:
        sys.exit(f"{mutation.what}: its text stands {n_found} times in {mutation.file}")


def _check_unbroken(folder: Path, mutations: list[Mutation], n_processes: int) -> None:
    """End with a message where a test fails although nothing is broken: it would notice every mutation."""
    targets = sorted({target for mutation in mutations for target in mutation.tests.split()})
    intact = [Mutation(f"leave all as it is: {target}", "README.md", "", "", target) for target in targets]
    for mutation, status, said in _runs(folder, intact, n_processes):
        if status != 0:
            sys.exit(f"Tests fail before anything is broken: {mutation.tests}\n{said[-2000:]}")


def _outcomes(folder: Path, mutations: list[Mutation], n_processes: int) -> Iterator[tuple[Mutation, str | None]]:
    """Yield each mutation with the test that failed under it, or None if none did."""
    for mutation, status, said in _runs(folder, mutations, n_processes):
        failed = [line for line in said.splitlines() if line.startswith("FAILED ")]
        test = failed[0].removeprefix("FAILED ").split(" - ")[0] if status == FAILED and failed else None
        print(f"{mutation.what}: {test or 'UNNOTICED'}", flush=True)
        yield mutation, test


def _runs(folder: Path, mutations: list[Mutation], n_processes: int) -> Iterator[tuple[Mutation, int | None, str]]:
    """Yield each mutation, as its tests end, with their exit status and what they said."""
    waiting = list(mutations)
    running: dict[int, tuple[BaseProcess, Mutation, Path]] = {}
    while waiting or running:
        while waiting and len(running) < n_processes:
            mutation = waiting.pop(0)
            copy = Path(tempfile.mkdtemp(dir=folder))
            process = FORKED.Process(target=_run_tests, args=(copy, mutation))
            process.start()
            running[process.sentinel] = process, mutation, copy
        for sentinel in wait(list(running)):
            process, mutation, copy = running.pop(sentinel)
            process.join()
            yield mutation, process.exitcode, (copy / "said").read_text(encoding="utf-8", errors="replace")
            shutil.rmtree(copy, ignore_errors=True)


def _run_tests(copy: Path, mutation: Mutation) -> None:
    """Break a copy of the project in the folder ``copy`` and exit as the tests of ``mutation`` do."""
    import pytest

    for name in COPIED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    (copy / "checkpoints").symlink_to(ROOT / "checkpoints")
    path = copy / mutation.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutation.before, mutation.after, 1), encoding="utf-8")
    with (copy / "said").open("w") as said:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(said.fileno(), stream.fileno())
    os.chdir(copy)
    sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry).resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in {"explorer", "tests"}]:
        del sys.modules[name]
    status = pytest.main([*PYTEST, *mutation.tests.split()])
    sys.stdout.flush()
    sys.exit(int(status))


def _write(mutations: list[Mutation], outcomes: list[str | None]) -> None:
    rows = [
        f"| {mutation.what} | `{mutation.file}` | {f'`{_short(test)}`' if test else '**unnoticed**'} |"
        for mutation, test in zip(mutations, outcomes, strict=True)
    ]
    head, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, tail = rest.split(END)
    n_caught = sum(test is not None for test in outcomes)
    table = ["| mutation | in | the first test that failed |", "|---|---|---|", *rows]
    summary = f"{n_caught} of {len(mutations)} mutations made a test fail."
    README.write_text(f"{head}{BEGIN}\n{summary}\n\n" + "\n".join(table) + f"\n{END}{tail}", encoding="utf-8")


def _short(test: str) -> str:
    """Return file and name of a test without its parameters, which may be long."""
    return test.split("[", maxsplit=1)[0].removeprefix("tests/")


if __name__ == "__main__":
    main()
