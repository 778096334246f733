import re
from collections import Counter

import pytest

from explorer.locations import ROOT
from explorer.ui.components.browser_code import joined_modules

COMPONENTS = ROOT / "explorer" / "ui" / "components"
NAMES = re.compile(r"^(?:async )?(?:const|let|class|function) \{?\s*(\w+)", re.MULTILINE)


@pytest.mark.parametrize("file", sorted(path.name for path in COMPONENTS.glob("*.js")))
def test_joined_modules_name_everything_once_and_import_nothing_any_more(file):
    joined = joined_modules(file)
    assert [name for name, n in Counter(NAMES.findall(joined)).items() if n > 1] == []
    assert not re.search(r"^import |^export (?!default )", joined, re.MULTILINE)
    assert len(re.findall(r"^export default ", joined, re.MULTILINE)) == 1


def test_a_module_stands_before_those_that_import_it_and_once():
    joined = joined_modules("latent_map.js")
    assert joined.count("class Decoder") == 1
    assert joined.index("function paintImage") < joined.index("class Lens") < joined.index("class LatentMap")
