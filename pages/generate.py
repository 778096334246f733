"""Generate: pick a class and see samples of it, or sample the prior of a model that knows no class."""

from explorer.ui import resources
from explorer.ui.components.generator import class_samples, prior_samples, reconstructions, sample_controls
from explorer.ui.components.run_picker import run_picker
from explorer.ui.guard import errors_in_words
from explorer.ui.state import current_view, show_problems

view = current_view()
show_problems()
with errors_in_words():
    loaded = run_picker(view)
    names = resources.class_names(loaded)
    match loaded.config.model.family:
        case "cvae":
            class_samples(loaded, sample_controls(view), names)
        case "vae":
            prior_samples(loaded, sample_controls(view))
        case "ae":
            reconstructions(loaded, names)
