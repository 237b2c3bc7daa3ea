"""The program `weftline`: its commands, and what happens to their errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from weftline.cli import (
    cache,
    check,
    dlq,
    gate,
    graph,
    group,
    init,
    logs,
    migrate,
    plan,
    policies,
    resume,
    run,
    runs,
    schedule,
    schema,
    search,
    serve,
    status,
    why,
)
from weftline.cli.exits import Exit, exit_of
from weftline.cli.text import err, out_json, paint_err, printable, stdout_for_json
from weftline.errors import BadArgumentError, InvalidPipelineError, WeftlineError

app = typer.Typer(
    name="weftline",
    help="One typed pipeline: planned before it costs anything, never computed twice, run anywhere.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help, and half the time to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    init,
    check,
    plan,
    run,
    resume,
    why,
    graph,
    status,
    logs,
    runs,
    dlq,
    gate,
    group,
    schedule,
    serve,
    search,
    cache,
    policies,
    migrate,
    schema,
):
    module.register(app)


def _version(asked: bool) -> None:
    if asked:
        from weftline.version import __version__

        typer.echo(f"weftline {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    del version, debug


def main() -> None:
    """Runs the program and exits with the code that its outcome means."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    as_json = "--json" in sys.argv
    if as_json:
        stdout_for_json()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except WeftlineError as error:
        _report(error, as_json=as_json, debug=debug)
        raise SystemExit(exit_of(error)) from (error if debug else None)
    except (typer.Abort, KeyboardInterrupt):
        err("interrupted")
        raise SystemExit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        _end_unread()
    except SystemExit as error:  # so typer ends
        if isinstance(error.__context__, BrokenPipeError):
            _end_unread()
        raise
    except Exception as error:  # told, with the exit code for our own faults
        usage = getattr(error, "show", None)
        if usage is not None:  # what typer itself finds wrong with a command line
            if as_json:
                advice = "see weftline --help"
                told = BadArgumentError(argument=" ".join(sys.argv[1:]), detail=str(error), advice=advice)
                _report(told, as_json=True, debug=False)
            else:
                usage()
            raise SystemExit(Exit.USAGE) from None
        if debug:
            raise
        err(f"{paint_err('internal error', 'error')}: {type(error).__name__}: {error}")
        err("  fix  this is a fault of weftline; run again with --debug and report what it shows")
        raise SystemExit(Exit.INTERNAL) from None
    raise SystemExit(code if isinstance(code, int) else Exit.OK)


def _end_unread() -> NoReturn:
    """Whoever reads has enough: ends well, and leaves nothing that could fail at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise SystemExit(Exit.OK) from None


def _report(error: WeftlineError, *, as_json: bool, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exception(error)
    if as_json:
        findings = error.findings if isinstance(error, InvalidPipelineError) else (error,)
        out_json({"schema": "weftline.findings/v1", "findings": [finding.as_dict() for finding in findings]})
        return
    for number, line in enumerate(error.lines()):
        err(paint_err(printable(line), "error") if number == 0 else printable(line))
