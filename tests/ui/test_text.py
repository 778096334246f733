"""What is put into markdown. That Streamlit shows it as the text it was: ``tests/browser/test_foreign_text.py``."""

import pytest

from explorer.ui.text import as_code, as_text


@pytest.mark.parametrize(
    "text",
    [
        "digits-vae-2d",
        "p(x), so no ELBO",
        "VAE · digits · 2-D · test ELBO -31.4 nats",
        "'nope' is no run: choose one of 3, or 4.",
        "python -m explorer encode RUN --download",
        "this & that, a/b = 1 + 1 # 2; 50 % (1.5)! “größe”",
        "",
    ],
)
def test_ordinary_words_stay_as_they_are(text):
    assert as_text(text) == text


@pytest.mark.parametrize("character", "\\`*_{}[]<>$~|")
def test_what_markdown_reads_is_escaped_once_each_time(character):
    assert as_text(f"a {character} b{character}c") == f"a \\{character} b\\{character}c"


@pytest.mark.parametrize(("text", "shown"), [("&lt;", r"\&lt;"), ("&#60;", r"\&#60;"), ("a & b", "a & b")])
def test_entities_are_escaped_and_an_ampersand_stays(text, shown):
    assert as_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("+ a", r"\+ a"),
        ("1. a", r"1\. a"),
        ("12) a", r"12\) a"),
        ("a 1. b", "a 1. b"),
    ],
)
def test_a_block_begins_at_the_beginning_alone(text, shown):
    assert as_text(text) == shown


def test_lines_become_one_so_that_no_other_begins_a_block():
    assert as_text(" a\n\n    b\r\n# c\t d\u2028e ") == "a b # c d e"


@pytest.mark.parametrize("text", ["http://a.b", ":material/home:", ":smile:", "a@b.cd", "www.a.b", "a -- b", "<->"])
def test_what_is_looked_for_in_the_text_that_is_left_is_in_two_texts(text):
    assert ":red[]" in as_text(text)
    assert as_text(text).replace(":red[]", "").replace("\\", "") == text


def test_a_value_is_shown_as_str_says_it():
    assert as_text(ValueError("*a*")) == r"\*a\*"
    assert as_text(3) == "3"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a *b*", "`a *b*`"), ("a`b", "``a`b``"), ("``", "``` `` ```"), ("a\nb", "`a b`"), ("", "")],
)
def test_code_is_between_more_ticks_than_it_has(text, shown):
    assert as_code(text) == shown
