"""Opening the cache that a URL names: what cannot be is told, without secrets."""

import traceback

import pytest

from weftline.app.stores import open_store
from weftline.clock import SystemClock
from weftline.errors import BadCacheUrlError, UnknownCacheError, UntrustedPickleError
from weftline.model.entry import Stored


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("redsi://user:hush@host/0", UnknownCacheError),
        ("redis://:hush@host/0?bogus=1", BadCacheUrlError),
        ("redis://:hush@host/0?trusted=perhaps", BadCacheUrlError),
        ("redis://:hush@host/0?dead_after_s=never", BadCacheUrlError),
        ("redis://:hush@[::1/0", BadCacheUrlError),
        ("sqlite://user:hush@host/file", BadCacheUrlError),
        ("redis://:hush@hush@/0", BadCacheUrlError),
    ],
)
def test_no_message_tells_the_password(url, error, tmp_path):
    with pytest.raises(error) as caught:
        open_store(url, tmp_path, SystemClock())
    told = "".join(traceback.format_exception(caught.value)).replace(__file__, "")
    assert "hush" not in told
    assert "***@" in told


def test_pickles_are_read_from_a_server_only_if_its_writers_are_trusted(tmp_path):
    pickled = Stored(b"v", "pickle", b"o", 1, b"x")
    for option, is_trusted in (("", False), ("?trusted=no", False), ("?trusted=yes", True)):
        cache = open_store(f"redis://127.0.0.1:1/0{option}", tmp_path, SystemClock()).cache
        if is_trusted:
            assert cache.load(pickled, b"key") == b"x"
        else:
            with pytest.raises(UntrustedPickleError):
                cache.load(pickled, b"key")
