"""Topologies of runs: the ledger keeps the texts that a run began with, and whoever goes on with it goes on with these."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weftline.app.home import Home
from weftline.app.pipeline import load
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    ChangedManifestNote,
    InvalidPipelineError,
    Place,
    RefusedManifestNote,
    UnreadableManifestError,
    WeftlineError,
)
from weftline.model.event import Kind
from weftline.model.run import RunRecord
from weftline.model.topology import Topology
from weftline.settings import Settings

if TYPE_CHECKING:
    from weftline.author.manifest.catalog import Catalog


#: Runs that are looked through for one of a target.
_LOOKED_THROUGH = 200


def catalog(known: Settings | None = None) -> Catalog:
    """The groups that have a name: those that modules of the settings register, and those that files of its folder declare."""
    from weftline.author.load import import_modules
    from weftline.author.manifest.catalog import Catalog  # which loads what reads YAML

    known = known or Settings.read()
    import_modules(known.modules_named)
    return Catalog(known.groups_path)


def keep(topology: Topology | None, run: str, home: Home) -> dict[str, str]:
    """Keeps the texts of a run's pipeline, and gives what the journal says of them; nothing for one of a program.

    Raises:
        LedgerUnusableError: the ledger cannot be written.
    """
    ledger, history = home.ledger, home.history
    if topology is None or ledger is None or history is None:
        return {}
    recipe = topology.as_recipe()
    if not history.recipes([recipe.digest.hex()]):
        ledger.append(run, [], [recipe])
    return {"topology": recipe.digest.hex()}


def sound(target: str, home: Home) -> Pipeline:
    """The pipeline of a target, for who starts it unwatched: if its manifest is not valid now, as its newest run began with it.

    Raises:
        InvalidPipelineError: it is not valid, and none of the newest runs was of that target.
    """
    try:
        found = load(target)
        if found.topology is None or not (findings := found.validate()):
            return found
    except InvalidPipelineError as error:  # of a manifest, or of a group that cannot be composed
        findings, file = list(error.findings), str(getattr(error, "file", target))
        older = _newest(target, home)
        if older is None:
            raise
    else:
        file, older = target, _newest(target, home)
        if older is None:
            return found  # whoever plans it is told all findings
    run, pipeline = older
    note = RefusedManifestNote(file=file, run=run, place=findings[0].place, finding=str(findings[0]).splitlines()[0])
    pipeline.notes = (note, *(each for each in pipeline.notes if not isinstance(each, ChangedManifestNote)))
    return pipeline


def _newest(target: str, home: Home) -> tuple[str, Pipeline] | None:
    """The newest run of a target that kept its texts, and its pipeline."""
    ledger = home.ledger
    for line in () if ledger is None else ledger.runs(_LOOKED_THROUGH):
        assert ledger is not None
        record = RunRecord.fold(line.run, ledger.events(line.run, [Kind.RUN_STARTED]))
        if record.opening.get("target") == target and record.opening.get("topology"):
            pipeline = pipeline_of(record, home)
            return None if pipeline is None else (line.run, pipeline)
    return None


def pipeline_of(record: RunRecord, home: Home) -> Pipeline | None:
    """The pipeline of a run as it was when the run began, with notes on what has changed since; None for one of a program.

    What its manifests name is looked up now: code counts as it is.

    Raises:
        InvalidManifestError: its texts do not fit what is registered now; it carries all findings.
    """
    target = record.opening.get("target")
    if not target:
        return None
    digest, history = record.opening.get("topology"), home.history
    recipe = history.recipes([digest]).get(digest) if digest and history is not None else None
    if recipe is None:
        return load(target)
    from weftline.author.load import import_modules
    from weftline.author.manifest.load import load_texts, pipeline_in  # which loads what reads YAML

    topology = Topology.of(recipe)
    import_modules(home.settings.modules_named)
    found = pipeline_in(load_texts(topology.texts), Path(topology.texts[0].file), topology.name)
    found.target = target
    found.notes = (*found.notes, *_changes(topology, record.run))
    return found


def _changes(topology: Topology, run: str) -> list[WeftlineError]:
    """Files that do not say any more what they said when a run began."""
    from weftline.author.manifest.source import text_of

    found: list[WeftlineError] = []
    for file, text in topology.texts:
        try:
            is_same = text_of(Path(file)) == text
        except UnreadableManifestError:
            is_same = False
        if not is_same:
            found.append(ChangedManifestNote(file=file, run=run, place=Place(file)))
    return found
