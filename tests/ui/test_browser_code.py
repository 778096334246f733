import re

import pytest

from explorer.locations import ROOT
from explorer.ui.browser.component import one_script, one_stylesheet
from explorer.ui.map.overlays import OVERLAYS
from tests.support import in_node, run_node

pytestmark = pytest.mark.node

SCRIPTS = sorted((ROOT / "explorer" / "ui").glob("*/*.js"))
THEME = (ROOT / "explorer" / "ui" / "browser" / "theme.css").read_text()
COMPONENTS = [path for path in SCRIPTS if path.parent.name != "browser"]


def modules(folder, **sources):
    """A folder of modules, by name; the path of ``main``."""
    for name, source in sources.items():
        (folder / f"{name}.js").write_text(source + "\n")
    return folder / "main.js"


def value_of(script: str) -> object:
    """What the script exports by default, as node makes it."""
    return in_node(script.replace("export default ", "const result = "), "result")


def test_what_can_be_shown_on_the_map_has_a_layer_that_draws_it():
    layers = (ROOT / "explorer" / "ui" / "browser" / "map" / "overlays.js").read_text()
    (listed,) = re.findall(r"const LAYERS = \{(.*?)\};", layers, re.DOTALL)
    assert set(re.findall(r"(\w+): \w+Layer,", listed)) == {*OVERLAYS, "paths"}


def test_there_is_a_component_for_each_script_beside_python():
    assert [path.stem for path in COMPONENTS] == ["drawing", "filmstrip", "latent_map", "timeline", "sliders"]


@pytest.mark.parametrize("script", COMPONENTS, ids=lambda path: path.stem)
def test_one_script_is_a_module_with_one_default_that_node_can_read(script):
    code = one_script(script)
    assert code.count("\nexport ") == 1
    run_node(code, "--check")


def test_a_module_is_there_once_before_those_that_import_it():
    script = one_script(ROOT / "explorer" / "ui" / "map" / "latent_map.js")
    assert script.count("class Decoder") == 1
    assert script.index("function paintImage") < script.index("class Lens") < script.index("class LatentMap")


def rules(css):
    """The rules of a stylesheet, each as its selector and its declarations."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found = re.findall(r"([^{}]+)\{([^{}]*)\}", css)
    return [(selector.strip(), frozenset(line.strip() for line in body.split(";"))) for selector, body in found]


@pytest.mark.parametrize("script", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_has_the_theme_before_its_own_rules_and_repeats_none_of_it(script):
    own = script.with_suffix(".css").read_text()
    assert one_stylesheet(script) == f"{THEME}\n{own}"
    shared = {body for _, body in rules(THEME) if len(body) > 3}
    assert [selector for selector, body in rules(own) if body in shared] == []
    # A component later on the page brings the theme again: it would win over a rule that is no more specific.
    assert [selector for selector, _ in rules(own) if re.search(r"\.ui\b", selector)] == []


def test_two_modules_may_have_a_name_in_common(tmp_path):
    main = modules(
        tmp_path,
        one="const secret = 1;\nexport function read() {\n  return secret;\n}",
        two='import { read as first } from "./one.js";\nconst secret = 2;\n'
        "export const read = () => [first(), secret];",
        main='import { read } from "./two.js";\nconst secret = 3;\nexport default [...read(), secret];',
    )
    assert value_of(one_script(main)) == [1, 2, 3]


def test_a_module_that_two_others_import_is_one_object(tmp_path):
    main = modules(
        tmp_path,
        state="export const counter = { n: 0 };",
        up='import { counter } from "./state.js";\nexport function up() {\n  counter.n += 1;\n}',
        main='import { counter } from "./state.js";\nimport { up } from "./up.js";\nup();\nup();\n'
        "export default counter.n;",
    )
    assert value_of(one_script(main)) == 2


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            {"main": 'import { b } from "./a.js";', "a": "const b = 1;"},
            r"main.js imports b, which ./a.js does not export",
        ),
        (
            {"main": 'import { a } from "./a.js";', "a": 'import { b } from "./main.js";\nexport const a = 1;'},
            "import each other: main.js -> a.js -> main.js",
        ),
        ({"main": 'import a from "./a.js";', "a": ""}, r"main.js says 'import a from"),
        ({"main": "export let a = 1;"}, "main.js says 'export let a = 1;'"),
        ({"main": 'const a = await import("./a.js");'}, "named imports and exports"),
    ],
    ids=["not exported", "circle", "default", "let", "dynamic"],
)
def test_what_one_script_cannot_be_made_of_is_refused(tmp_path, sources, message):
    with pytest.raises(ValueError, match=message):
        one_script(modules(tmp_path, **sources))
