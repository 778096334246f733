"""A part of the page Generate at work. What the parts show is looked at in ``tests/pages``."""

import pytest

from tests.pictures import cells

pytestmark = pytest.mark.browser


def test_a_part_its_ends_and_its_steps_are_chosen_and_are_in_the_link(visit):
    page = visit("generate", run="digits-cvae-2d")
    page.page.get_by_test_id("stButtonGroup").get_by_text("Blend of two classes", exact=True).click()
    assert page.wait_for_query("generate") == "blend"
    page.page.get_by_role("combobox", name="To class").click()
    page.page.get_by_role("option", name="6", exact=True).click()
    assert page.wait_for_query("blend") == "0,6"
    page.page.get_by_role("slider", name="Steps").press("ArrowRight")
    assert page.wait_for_query("steps") == "10"
    page.page.get_by_alt_text("A blend of 0 and 6").wait_for()
    page.settle()
    assert cells(page.picture("A blend of 0 and 6"), 4, 10, 8).shape == (4, 10, 8, 8)
    assert page.page.locator(".js-plotly-plot .scatterlayer .trace").count() == 10
