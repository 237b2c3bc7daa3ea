"""What installed packages offer under names: two that offer different things under one are told, with both places."""

import importlib

import pytest

from weftline.author.registry import Registry
from weftline.errors import NameTakenError
from weftline.ports import plugins

NODE = "from weftline import node\n\n@node\ndef count() -> int:\n    return 1\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package that offers a node as `lab.count`."""

    def make(package, module):
        (tmp_path / f"{module}.py").write_text(NODE)
        info = tmp_path / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[weftline.nodes]\nlab.count = {module}:count\n")
        importlib.invalidate_caches()  # two changes may have one time
        plugins._installed.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    plugins._installed.cache_clear()


def test_two_packages_that_offer_different_things_are_told(install):
    install("lab-one", "lab_one")
    assert Registry().nodes.get("lab.count").name == "count"
    install("lab-two", "lab_two")
    with pytest.raises(NameTakenError) as caught:
        Registry().nodes.get("lab.count")
    text = str(caught.value)
    assert "lab_one:count in the package lab-one" in text
    assert "lab_two:count in the package lab-two" in text


def test_one_thing_that_is_offered_twice_is_one_thing(install):
    install("lab-one", "lab_one")
    install("lab-three", "lab_one")
    assert Registry().nodes.get("lab.count").name == "count"
