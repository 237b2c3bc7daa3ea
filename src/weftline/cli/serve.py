"""`weftline serve`: the process that goes on with runs by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, home_of
from weftline.cli.text import err, printable


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def serve(
        runs: Annotated[int, typer.Option("--runs", min=1, help="Runs at the same time.")] = 16,
        home: HomeOption = None,
    ) -> int:
        """Start what schedules say, and go on with runs whose gates open, until Ctrl-C.

        Several may serve one home: each moment fires once, and each run is gone on with once. Ctrl-C ends it when its runs
        have ended; twice cancels them.
        """
        from weftline.app.declared import Folder
        from weftline.clock import as_utc
        from weftline.serve.cron import CronDuty
        from weftline.serve.daemon import Daemon, until_told
        from weftline.serve.launcher import Launcher
        from weftline.serve.sensor import GateSensor

        opened = home_of(home)
        assert opened.path is not None

        def tell(text: str) -> None:
            err(f"{as_utc(opened.clock.now()):%Y-%m-%d %H:%M:%S} UTC  {printable(text)}")

        launcher = Launcher(opened.path, opened.ledger, runs)
        schedules = CronDuty(opened, Folder(opened.settings.schedules, opened.clock).current, launcher, tell)
        until_told(Daemon(opened, [GateSensor(opened, launcher, tell), schedules], launcher, tell))
        schedules.close()
        opened.close()
        return 0
