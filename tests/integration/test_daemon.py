"""The loop of the daemon: how often it looks."""

import threading
import time

from weftline.app.home import Home
from weftline.serve.daemon import Daemon
from weftline.serve.launcher import Launcher
from weftline.settings import Settings


class Noting:
    """A duty that notes when it was asked, and ends the daemon after some time."""

    name = "noting"

    def __init__(self):
        self.looks = []
        self.daemon = None

    def look(self, now):
        del now
        self.looks.append(time.monotonic())
        if self.looks[-1] - self.looks[0] > 1.0:
            self.daemon.stop()


def test_it_looks_soon_after_the_first_change_and_not_all_the_time_while_others_write(tmp_path):
    """Who writes is heard before he has committed: whoever rests first sees the change only then."""
    home = Home(tmp_path / "home", Settings())
    launcher, noting, is_over = Launcher(home.path, home.ledger, 1), Noting(), threading.Event()
    noting.daemon = Daemon(home, [noting], launcher, lambda _: None)

    def write():
        while not is_over.wait(0.0005):
            (home.path / "ledger.db-wal").touch()
            (home.path / "ledger.db-noise").write_bytes(b"?")

    writer = threading.Thread(target=write)
    writer.start()
    noting.daemon.run()
    is_over.set()
    writer.join()
    gaps = [after - before for before, after in zip(noting.looks, noting.looks[1:], strict=False)]
    assert min(gaps) < 0.008
    assert 10 < len(gaps) < 115, "a look each 10 ms, and some more at the beginning"
    home.close()
