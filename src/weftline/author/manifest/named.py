"""Policies by name: those of a file, and those that every manifest knows: `default`, `gpu-bound`, `polite-api`."""

from __future__ import annotations

import functools
from importlib.resources import files

from weftline.author.manifest.build import policies_of
from weftline.author.manifest.check import checked
from weftline.author.manifest.located import read
from weftline.author.manifest.older import modern
from weftline.author.manifest.policy import PoliciesManifest
from weftline.errors import ManifestError, Place, WeftlineError
from weftline.model.policy import Policy

_FILE = "policies.yaml"


def policies_in(text: str, file: str) -> tuple[dict[str, Policy], list[WeftlineError]]:
    """The policies of a text, and what is wrong with it; for `Watched`.

    Args:
        text: YAML.
        file: its name, for errors.
    """
    policies: dict[str, Policy] = {}
    documents, findings = read(text, file)
    for document in documents:
        document, _, unfit, _ = modern(document)
        manifest, wrong = checked(document)
        findings += [*unfit, *wrong]
        if isinstance(manifest, PoliciesManifest):
            policies |= policies_of(manifest)
    if not policies and not findings:
        detail, advice = f"{file} declares no policies", "give it a document of the kind Policies"
        findings.append(ManifestError(detail=detail, advice=advice, place=Place(file)))
    return policies, findings


def shipped_text() -> str:
    """The file that declares them."""
    return (files("weftline.author.manifest") / _FILE).read_text(encoding="utf-8")


def shipped_policies() -> dict[str, Policy]:
    """Policies by name."""
    return dict(_read())


@functools.cache
def _read() -> dict[str, Policy]:
    found, findings = policies_in(shipped_text(), _FILE)
    assert not findings, "a test reads it"
    return found
