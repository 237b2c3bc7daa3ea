"""Policies in older spellings: without a header, and nested or flat."""

from __future__ import annotations

from collections.abc import Mapping

from weftline.author.manifest.draft import Draft
from weftline.author.manifest.strict import API_VERSION

#: What a field of a flat policy is in a nested one.
_FLAT: dict[str, tuple[str, ...]] = {
    "backoff_strategy": ("backoff", "strategy"),
    "initial": ("backoff", "initial"),
    "backoff_initial": ("backoff", "initial"),
    "maximum": ("backoff", "maximum"),
    "max": ("backoff", "maximum"),
    "backoff_max": ("backoff", "maximum"),
    "backoff_maximum": ("backoff", "maximum"),
    "jitter": ("backoff", "jitter"),
    "backoff_jitter": ("backoff", "jitter"),
    "rate_limit_per_second": ("rate_limit", "rate_limit_per_second"),
    "failure_threshold": ("circuit_breaker", "failure_threshold"),
    "recovery_timeout": ("circuit_breaker", "recovery_timeout"),
    "timeout": ("timeout_seconds",),
}
#: Fields that may hold their first field alone.
_SHORT = {"backoff": "strategy", "rate_limit": "rate_limit_per_second", "circuit_breaker": "failure_threshold"}
#: Other words for fields of the nested parts.
_WORDS = {
    "backoff": {"max": "maximum", "type": "strategy"},
    "circuit_breaker": {
        "failures": "failure_threshold",
        "fail_max": "failure_threshold",
        "reset_timeout": "recovery_timeout",
        "reset_seconds": "recovery_timeout",
        "recovery_timeout_seconds": "recovery_timeout",
    },
    "rate_limit": {"per_second": "rate_limit_per_second", "requests_per_second": "rate_limit_per_second"},
}


def fill_policies(draft: Draft) -> None:
    """A file of policies without a header."""
    value = draft.old.value
    draft.note(("policies",), "policies without a header", "kind: Policies, metadata and spec: {policies: ...}", key=True)
    head: dict[str, str] = {"apiVersion": API_VERSION, "kind": "Policies"}
    for field, text in head.items():
        draft.put((field,), text, ("policies",), is_added=True)
    draft.put(("metadata", "name"), "policies", ("policies",), is_added=True)
    for field in value:
        if field in {"name", "version", "description"}:
            draft.move((field,), ("metadata", field))
        elif field != "policies":
            draft.move((field,), ("spec", field))
    draft.put(("spec", "policies"), {}, ("policies",))
    for name, policy in value["policies"].items():
        if not isinstance(policy, Mapping):
            draft.move(("policies", name), ("spec", "policies", name))
            continue
        draft.put(("spec", "policies", name), {}, ("policies", name))
        for field in policy:
            _fill_field(draft, name, field)


def _fill_field(draft: Draft, name: str, field: str) -> None:
    """One field of a policy, which may be a part of another one."""
    source, target = ("policies", name, field), ("spec", "policies", name)
    value = draft.value(source)
    if field in _FLAT:
        new = _FLAT[field]
        draft.note(source, field, ".".join(new), key=True)
        draft.move(source, (*target, *new))
    elif field in _SHORT and isinstance(value, Mapping):
        if (*target, field) not in draft.new.values:
            draft.put((*target, field), {}, source)
        for inner in value:
            new_word = _WORDS[field].get(inner) or str(inner)
            if new_word != inner:
                draft.note((*source, inner), f"{field}.{inner}", f"{field}.{new_word}", key=True)
            draft.move((*source, inner), (*target, field, new_word))
    elif field in _SHORT and isinstance(value, (str, int, float)):
        draft.note(source, f"{field}: {value}", f"{field}: {{{_SHORT[field]}: {value}}}")
        draft.move(source, (*target, field, _SHORT[field]))
    else:
        draft.move(source, (*target, field))
