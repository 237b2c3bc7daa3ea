"""What the memory cache does besides its contract."""

import pytest

from weftline.errors import DamagedEntryError
from weftline.store.memory import MemoryCache
from weftline.testing.caches import entry


def test_a_content_that_is_not_there_is_damaged():
    cache = MemoryCache()
    made = entry("a", b"x")
    with pytest.raises(DamagedEntryError):
        cache.load(made.outputs[0]._replace(content=None), made.key)


def test_two_caches_know_nothing_of_each_other():
    one, two = MemoryCache(), MemoryCache()
    one.store([entry("a", b"x")])
    assert dict(two.find([entry("a").key])) == {}
