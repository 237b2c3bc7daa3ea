import os

from weftline.store.folder import FolderBlobs
from weftline.store.leases import BlobLeases
from weftline.store.locks import FileLeases
from weftline.testing import LeasesContract
from weftline.testing.leases import A


class TestFiles(LeasesContract):
    def leases(self, place):
        return FileLeases(place / "leases")


class TestSharedFolder(LeasesContract):
    def leases(self, place):
        return BlobLeases(FolderBlobs(place))


def test_a_forked_child_does_not_keep_the_leases_of_its_parent(tmp_path):
    leases, other = FileLeases(tmp_path / "leases"), FileLeases(tmp_path / "leases")
    leases.take([A])
    end, begin = os.pipe()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(begin)
        os.write(tell, b"x")
        os.read(end, 1)
        os._exit(0)
    os.close(end)
    try:
        os.read(told, 1)  # it is beyond the fork
        assert other.take([A]) == set()
        leases.close()
        assert other.take([A]) == {A}
    finally:
        os.close(begin)
        os.waitpid(child, 0)
        os.close(told)
        os.close(tell)
        other.close()
