import doctest

import pytest

from weftline.documents import chunk, extract, names, retrieve, vocabulary
from weftline.documents.parse import sections


@pytest.mark.parametrize("module", [chunk, extract, names, retrieve, sections, vocabulary], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
