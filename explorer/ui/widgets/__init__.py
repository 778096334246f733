"""What several pages show: choosing a run, images and their export, sliders, the classifier, a diagnosis."""
