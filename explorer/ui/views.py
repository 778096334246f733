"""The views of all pages, in the order of these."""

from explorer.ui.compare.view import CompareView
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.explore.view import ExploreView
from explorer.ui.generate.view import GenerateView
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.train.view import TrainView

VIEWS = (ExploreView, InterpolateView, GenerateView, CompareView, EvaluateView, TrainView)
