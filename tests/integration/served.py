"""A folder with a flow whose runs wait at a gate, its home, and the daemons that serve it."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

from weftline import Pipeline
from weftline.app.home import Home
from weftline.model.event import Kind
from weftline.settings import Settings

FLOW = """
import os
import time
from weftline import Clause, Gate, Pipeline, node

ready = Gate("ready", (Clause("read", "equals", True),), timeout_s=float(os.environ.get("LIMIT_S", "3600")))


@node(provides="text")
def get(doc: int = 0) -> str:
    return f"document {doc}"


@node(requires={"text": "text"}, gate=ready, cache=False)
def cut(text: str) -> list[str]:
    with open("cuts", "a") as cuts:
        cuts.write(text + "\\n")
    time.sleep(float(os.environ.get("TAKES_S", "0")))
    return text.split()


pipeline = Pipeline([get, cut], fields={"read": bool})
"""
PATIENCE_S = 60.0


class Place:
    """A folder with a flow, its home, and the daemons that serve it."""

    def __init__(self, folder, ledger=""):
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)
        self.home = Home(folder / ".weftline", Settings(ledger=ledger))
        self.around = {**os.environ, "WEFTLINE_LEDGER": ledger}
        self.daemons = []

    def runs(self, count):
        """So many runs that wait."""
        pipeline = Pipeline.load("flow.py")
        return [pipeline.run(params={"doc": number}, home=self.home.path).run for number in range(count)]

    def serve(self, **environment):
        log = (self.folder / f"daemon{len(self.daemons)}.log").open("wb")
        command = [sys.executable, "-m", "weftline", "serve"]
        daemon = subprocess.Popen(
            command, cwd=self.folder, stderr=log, env={**os.environ, **environment}, start_new_session=True
        )
        log.close()
        self.daemons.append(daemon)
        said = self.folder / f"daemon{len(self.daemons) - 1}.log"
        self.until(lambda: b"serving" in said.read_bytes(), "the daemon serves")
        return daemon

    def until(self, happens, what):
        until = time.monotonic() + PATIENCE_S
        while not happens():
            assert time.monotonic() < until, f"never: {what}; {[each.read_text() for each in self.folder.glob('daemon*.log')]}"
            time.sleep(0.02)

    def set(self, run, **values):
        self.home.fields.set_fields(run, values, at=time.time(), by="test")

    def statuses(self):
        return {line.run: str(line.status) for line in self.home.ledger.runs(1000)}

    def resumed(self):
        """How often each run was gone on with."""
        runs = [line.run for line in self.home.ledger.runs(1000)]
        found = {run: len(list(self.home.ledger.events(run, [Kind.RUN_RESUMED]))) for run in runs}
        return {run: count for run, count in found.items() if count}

    def cuts(self):
        path = self.folder / "cuts"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    def close(self):
        for daemon in self.daemons:
            if daemon.poll() is None:
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        self.home.close()
