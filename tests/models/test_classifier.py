import pytest
import torch

from explorer.models.classifier import N_FEATURES, Classifier


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 4, 4), (2, 9, 31)], ids=str)
def test_images_of_any_size_become_features_and_logits_and_gradients_reach_every_weight(shape):
    torch.manual_seed(0)
    classifier, x = Classifier(shape, 7), torch.rand(6, *shape)
    assert classifier.features(x).shape == (6, N_FEATURES)
    logits = classifier(x)
    assert logits.shape == (6, 7)
    logits.square().sum().backward()
    without = [name for name, weight in classifier.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []


def test_logits_are_linear_in_the_features():
    torch.manual_seed(0)
    classifier, x = Classifier((1, 8, 8), 3).eval(), torch.rand(5, 1, 8, 8)
    expected = classifier.features(x) @ classifier.head.weight.T + classifier.head.bias
    torch.testing.assert_close(classifier(x), expected)


def test_in_evaluation_every_image_is_judged_alone():
    torch.manual_seed(0)
    classifier, x = Classifier((3, 16, 12), 4), torch.rand(8, 3, 16, 12)
    classifier(x)  # in training mode, so that the batch's moments are known
    classifier.eval()
    torch.testing.assert_close(classifier(x), torch.cat([classifier(image[None]) for image in x]))


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64)], ids=str)
def test_a_judge_of_ten_classes_is_smaller_than_300_kilobytes(shape):
    bytes_of = 4 * sum(tensor.numel() for tensor in Classifier(shape, 10).state_dict().values())
    assert bytes_of < 300_000
