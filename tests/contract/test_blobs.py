from weftline.store.folder import FolderBlobs
from weftline.testing import BlobsContract


class TestFolder(BlobsContract):
    def blobs(self, place):
        return FolderBlobs(place / "blobs")
