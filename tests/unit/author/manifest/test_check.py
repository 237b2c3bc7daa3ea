"""Broken manifests: each mistake has its line and column, and says what would be right."""

import textwrap

import pytest

from weftline.author.manifest.check import checked
from weftline.author.manifest.located import read
from weftline.author.manifest.shapes import KINDS

GROUP = """\
apiVersion: weftline.dev/v1
kind: PipelineGroup
metadata:
  name: sales.nightly
  tags: [nightly]
spec:
  defaults:
    region: eu
  pipelines:
    - name: pull
      pipeline: sales.pull
    - name: clean
      pipeline: sales.clean
      depends_on: pull
      params: {level: 3}
  policy:
    execution: parallel
    max_concurrency: 2
    on_failure: continue
    timeout_minutes: 30
"""
POLICIES = """\
apiVersion: weftline.dev/v1
kind: Policies
metadata: {name: all}
spec:
  policies:
    default:
      max_attempts: 3
      timeout_seconds: 30
      backoff: {strategy: exponential, initial: 0.5, maximum: 30, jitter: true}
      circuit_breaker: {failure_threshold: 5, recovery_timeout: 60}
    polite-api:
      max_attempts: 10
      backoff: {strategy: linear, initial: 1, maximum: 10}
      rate_limit: {rate_limit_per_second: 5}
"""
PIPELINE = """\
apiVersion: weftline.dev/v1
kind: Pipeline
metadata: {name: papers, version: "2026-01-05"}
spec:
  nodes:
    - name: fetch
      type: papers.fetch
      policy: default
    - name: cut
      type: papers.cut
      depends_on: [fetch]
      params: {size: 3}
      requires: {text: pages}
      provides: {chunks: pieces}
"""
GATED = """\
apiVersion: weftline.dev/v1
kind: Pipeline
metadata: {name: papers}
spec:
  fields:
    pdf_ready: {type: boolean, default: false}
    pages: {type: number}
  gates:
    layout_ready:
      match: all
      clauses:
        - {field: pdf_ready, operator: equals, value: true}
        - {field: pages, operator: in, value: [1, 2]}
        - {field: pages, operator: changed, previous_value: 2}
        - {field: pages, operator: exists}
        - {field: pages, operator: at_least, value: 0.5}
      timeout_seconds: 900
      poll_interval_seconds: 10
    editor: {manual: true}
  nodes:
    - {name: cut, type: papers.cut, gate: layout_ready}
    - {name: put, type: papers.put, gate: editor}
"""
WORKFLOW = """\
apiVersion: weftline.dev/v1
kind: Workflow
metadata: {name: all}
spec:
  groups:
    - {name: load, group: sales.load}
    - {name: report, group: sales.report, depends_on: load}
"""
SCHEDULE = """
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: nightly}
spec:
  target: ../flow.py
  cron: "30 2 * * MON-FRI"
  timezone: Europe/Berlin
  guard: {key: "{name}:{params.region}", on_busy: skip}
"""
SOUND = {"schedule": SCHEDULE, "group": GROUP, "policies": POLICIES, "pipeline": PIPELINE, "workflow": WORKFLOW, "gated": GATED}


def wrong(text):
    """Place, sentence, fix and hint of every finding."""
    documents, findings = read(text, "a.yaml")
    for document in documents:
        findings += checked(document)[1]
    return [(f.place.line, f.place.column, f.message, f.fix, f.hint or "") for f in findings]


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_a_sound_manifest_has_no_findings(text):
    assert wrong(text) == []


def test_every_kind_has_a_sound_example_here():
    kinds = {checked(read(text, "a.yaml")[0][0])[0].kind for text in SOUND.values()}
    assert kinds == set(KINDS) - {"Fleet"}


#: Of which example, the words that are replaced, by what; the line and column that are told, a part of the sentence, and of
#: what stands below it.
BROKEN = [
    # misspelt fields
    ("group", "apiVersion:", "apiversion:", 1, 1, "the manifest has no field 'apiversion'", "did you mean 'apiVersion'"),
    ("group", "metadata:", "metdata:", 3, 1, "no field 'metdata'", "did you mean 'metadata'"),
    ("group", "\nspec:", "\nspecs:", 6, 1, "no field 'specs'", "did you mean 'spec'"),
    ("group", "  name: sales.nightly", "  nmae: sales.nightly", 4, 3, "metadata has no field 'nmae'", "did you mean 'name'"),
    ("group", "  tags:", "  tag:", 5, 3, "no field 'tag'", "did you mean 'tags'"),
    ("group", "defaults:", "default:", 7, 3, "spec has no field 'default'", "did you mean 'defaults'"),
    ("group", "pipelines:", "pipeline:", 9, 3, "spec has no field 'pipeline'", "did you mean 'pipelines'"),
    ("group", "pipelines:", "steps:", 9, 3, "no field 'steps'", "use one of: defaults, pipelines, policy"),
    ("group", "depends_on:", "dependson:", 14, 7, "no field 'dependson'", "did you mean 'depends_on'"),
    ("group", "depends_on:", "depends:", 14, 7, "no field 'depends'", "did you mean 'depends_on'"),
    ("group", "params:", "param:", 15, 7, "no field 'param'", "did you mean 'params'"),
    ("group", "  policy:", "  polcy:", 16, 3, "no field 'polcy'", "did you mean 'policy'"),
    ("group", "execution:", "exection:", 17, 5, "spec.policy has no field 'exection'", "did you mean 'execution'"),
    ("group", "max_concurrency:", "max_concurency:", 18, 5, "no field 'max_concurency'", "did you mean 'max_concurrency'"),
    ("group", "on_failure:", "onfailure:", 19, 5, "no field 'onfailure'", "did you mean 'on_failure'"),
    ("group", "timeout_minutes:", "timeout:", 20, 5, "no field 'timeout'", "did you mean 'timeout_minutes'"),
    ("policies", "backoff: {strategy: exp", "back_off: {strategy: exp", 9, 7, "no field 'back_off'", "did you mean 'backoff'"),
    ("policies", "jitter:", "jiter:", 9, 67, "no field 'jiter'", "did you mean 'jitter'"),
    ("policies", "initial: 0.5", "inital: 0.5", 9, 40, "no field 'inital'", "did you mean 'initial'"),
    ("policies", "circuit_breaker:", "breaker:", 10, 7, "no field 'breaker'", "did you mean 'circuit_breaker'"),
    ("policies", "failure_threshold:", "failures:", 10, 25, "no field 'failures'", "failure_threshold"),
    ("policies", "rate_limit:", "ratelimit:", 14, 7, "no field 'ratelimit'", "did you mean 'rate_limit'"),
    ("policies", "rate_limit_per_second:", "per_second:", 14, 20, "no field 'per_second'", "rate_limit_per_second"),
    ("pipeline", "nodes:", "node:", 5, 3, "no field 'node'", "did you mean 'nodes'"),
    ("pipeline", "nodes:", "stages:", 5, 3, "no field 'stages'", "use one of: nodes, params"),
    ("pipeline", "type: papers.fetch", "types: papers.fetch", 7, 7, "no field 'types'", "did you mean 'type'"),
    ("pipeline", "requires:", "require:", 13, 7, "no field 'require'", "did you mean 'requires'"),
    ("workflow", "groups:", "group:", 5, 3, "no field 'group'", "did you mean 'groups'"),
    ("workflow", "group: sales.load", "grup: sales.load", 6, 20, "no field 'grup'", "did you mean 'group'"),
    # what is missing
    ("group", "apiVersion: weftline.dev/v1\n", "", 1, 1, "the manifest has no 'apiVersion'", "add it"),
    ("group", "kind: PipelineGroup\n", "", 1, 1, "the manifest has no 'kind'", "kind: Pipeline | PipelineGroup"),
    ("group", "  name: sales.nightly\n", "", 4, 3, "metadata has no 'name'", "add it"),
    ("group", "    - name: pull\n      pipe", "    - pipe", 10, 7, "spec.pipelines[0] has no 'name'", "add it"),
    ("group", "      pipeline: sales.pull\n", "", 10, 7, "spec.pipelines[0] has no 'pipeline'", "add it"),
    (
        "policies",
        "rate_limit: {rate_limit_per_second: 5}",
        "rate_limit: {}",
        14,
        19,
        "has no 'rate_limit_per_second'",
        "add it",
    ),
    ("pipeline", "      type: papers.fetch\n", "", 6, 7, "spec.nodes[0] has no 'type'", "add it"),
    ("workflow", ", group: sales.load", "", 6, 7, "spec.groups[0] has no 'group'", "add it"),
    # values that do not fit
    ("group", "weftline.dev/v1", "weftline.dev/v2", 1, 13, "apiVersion is 'weftline.dev/v2'", "did you mean 'weftline.dev/v1'"),
    ("group", "kind: PipelineGroup", "kind: Pipelinegroup", 2, 7, "no kind 'Pipelinegroup'", "did you mean 'PipelineGroup'"),
    ("group", "kind: PipelineGroup", "kind: [PipelineGroup]", 2, 7, "no kind ['PipelineGroup']", "use one of"),
    ("group", "name: sales.nightly", "name: sales nightly", 4, 9, "metadata.name is 'sales nightly'", "fits"),
    ("group", "name: sales.nightly", "name: 3", 4, 9, "metadata.name is 3: input should be a valid string", "fits"),
    ("group", "name: pull", "name: pull.it", 10, 13, "spec.pipelines[0].name is 'pull.it'", "fits"),
    ("group", "tags: [nightly]", "tags: nightly", 5, 9, "metadata.tags is 'nightly'", "fits"),
    ("group", "params: {level: 3}", "params: [level]", 15, 15, "params is ['level']", "fits"),
    ("group", "params: {level: 3}", "params: yes", 15, 15, "params is 'yes'", "fits"),
    ("group", "depends_on: pull", "depends_on: 3", 14, 19, "depends_on is 3", "fits"),
    ("group", "depends_on: pull", "depends_on: [pull, 3]", 14, 26, "depends_on[1] is 3", "fits"),
    ("group", "execution: parallel", "execution: paralel", 17, 16, "execution is 'paralel'", "did you mean 'parallel'"),
    ("group", "max_concurrency: 2", "max_concurrency: 0", 18, 22, "max_concurrency is 0", "fits"),
    ("group", "max_concurrency: 2", "max_concurrency: two", 18, 22, "max_concurrency is 'two'", "fits"),
    ("group", "max_concurrency: 2", "max_concurrency: 2.5", 18, 22, "max_concurrency is 2.5", "fits"),
    ("group", "on_failure: continue", "on_failure: go-on", 19, 17, "on_failure is 'go-on'", "'stop' or 'continue'"),
    ("group", "on_failure: continue", "on_failure: true", 19, 17, "on_failure is True", "fits"),
    ("group", "timeout_minutes: 30", "timeout_minutes: -1", 20, 22, "timeout_minutes is -1", "fits"),
    ("group", "timeout_minutes: 30", "timeout_minutes: 30m", 20, 22, "timeout_minutes is '30m'", "fits"),
    ("policies", "max_attempts: 3", "max_attempts: 11", 7, 21, "max_attempts is 11: input should be less than", "fits"),
    ("policies", "max_attempts: 3", "max_attempts: 0", 7, 21, "max_attempts is 0: input should be greater than", "fits"),
    ("policies", "timeout_seconds: 30", "timeout_seconds: 601", 8, 24, "timeout_seconds is 601", "fits"),
    ("policies", "strategy: exponential", "strategy: exponentiel", 9, 27, "is 'exponentiel'", "did you mean 'exponential'"),
    ("policies", "initial: 0.5", "initial: 0.05", 9, 49, "initial is 0.05", "fits"),
    ("policies", "maximum: 30,", "maximum: 301,", 9, 63, "maximum is 301", "fits"),
    ("policies", "failure_threshold: 5", "failure_threshold: 2", 10, 44, "failure_threshold is 2", "fits"),
    ("policies", "recovery_timeout: 60", "recovery_timeout: 29", 10, 65, "recovery_timeout is 29", "fits"),
    ("policies", "rate_limit_per_second: 5", "rate_limit_per_second: 101", 14, 43, "rate_limit_per_second is 101", "fits"),
    ("pipeline", "policy: default", "policy: {max_attempts: 3}", 8, 15, "policy is {'max_attempts': 3}", "fits"),
    ("pipeline", "requires: {text: pages}", "requires: {text: 3}", 13, 24, "requires.text is 3", "fits"),
    ("group", "timeout_minutes: 30", "timeout_minutes: .inf", 20, 22, "timeout_minutes is inf", "finite"),
    ("policies", "jitter: true", "jitter: 6", 9, 75, "jitter is 6", "valid boolean or less than or equal to 5"),
    ("policies", "jitter: true", "jitter: some", 9, 75, "jitter is 'some'", "fits"),
    ("policies", "initial: 0.5, maximum: 30", "initial: 9, maximum: 3", 9, 61, "maximum is 3", "shorter than the first one, 9"),
    ("policies", "polite-api:", "polite api:", 11, 5, "the key is 'polite api': string should match", "fits"),
    ("policies", "strategy: linear", "strategy: fibonacci", 13, 27, "is 'fibonacci'", "'none', 'linear' or 'exponential'"),
    # gates and fields
    ("gated", "pdf_ready: {type", "pdf-ready: {type", 6, 5, "the key is 'pdf-ready': string should match", "fits"),
    ("gated", "type: boolean", "type: bool", 6, 23, "type is 'bool'", "did you mean 'boolean'"),
    ("gated", "default: false", "default: 0", 6, 41, "default is 0", "the field is of the type boolean"),
    (
        "gated",
        "default: false",
        "default: []",
        6,
        41,
        "default is []: input should be a valid boolean or a valid integer or a valid number",
        "fits",
    ),
    ("gated", "match: all", "match: some", 10, 14, "match is 'some'", "'all' or 'any'"),
    ("gated", "clauses:", "clause:", 11, 7, "no field 'clause'", "did you mean 'clauses'"),
    ("gated", "operator: equals", "operator: equal", 12, 40, "operator is 'equal'", "did you mean 'equals'"),
    ("gated", "operator: equals", "opertor: equals", 12, 30, "no field 'opertor'", "did you mean 'operator'"),
    ("gated", ", value: true", "", 12, 11, "`equals` needs one value", "fits"),
    ("gated", "value: [1, 2]", "value: 1", 13, 11, "`in` needs a list of values", "fits"),
    ("gated", "value: [1, 2]", "value: []", 13, 11, "`in` needs a list of values", "fits"),
    ("gated", "operator: in,", "operator: equals,", 13, 11, "`equals` needs one value", "fits"),
    ("gated", "operator: changed", "operator: equals", 14, 11, "only `changed` has a previous_value", "fits"),
    ("gated", "operator: exists", "operator: exists, value: 1", 15, 11, "`exists` has no value", "fits"),
    ("gated", "value: 0.5", "value: true", 16, 11, "`at_least` needs a number or a text", "fits"),
    ("gated", "operator: changed", "operator: changed, value: 3", 14, 11, "`changed` has no value", "fits"),
    ("gated", "timeout_seconds: 900", "timeout_seconds: 0", 17, 24, "timeout_seconds is 0", "fits"),
    ("gated", "poll_interval_seconds: 10", "poll_interval_seconds: 0.4", 18, 30, "poll_interval_seconds is 0.4", "fits"),
    ("gated", "poll_interval_seconds: 10", "poll_interval_seconds: 61", 18, 30, "poll_interval_seconds is 61", "fits"),
    ("gated", "editor: {manual: true}", "editor: {}", 19, 13, "a gate has clauses, or `manual: true`", "fits"),
    ("gated", "  match: all", "  manual: true", 10, 7, "a gate has clauses, or `manual: true`", "fits"),
    # what is not built yet
    ("pipeline", "kind: Pipeline", "kind: Fleet", 2, 7, "fleets are not built yet", "leave the document out"),
    ("pipeline", "{name: papers,", "{nmae: papers,", 3, 12, "no field 'nmae'", "did you mean 'name'"),
    # no manifest, and no YAML
    ("group", GROUP, "- a\n- b\n", 1, 1, "this is no manifest", "begin with apiVersion"),
    ("group", GROUP, "just words\n", 1, 1, "this is no manifest", "begin with apiVersion"),
    ("group", "  pipelines:\n", "  pipelines: [\n", 10, 5, "no YAML", "mend"),
    ("group", "region: eu", "region: eu\n    region: us", 9, 5, "second time", "keep one"),
    ("group", "region: eu", "1: eu", 8, 5, "the key 1 is no text", "quotes"),
    ("group", "region: eu", "region: !env X", 8, 13, "the tag !env", "leave it out"),
    ("group", "region: eu", "<<: {a: b}", 8, 5, "merge keys", "write the keys out"),
    ("group", "region: eu", "\tregion: eu", 8, 5, "no YAML", "mend"),
]


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 60


@pytest.mark.parametrize(
    ("example", "old", "new", "line", "column", "words", "help_"), BROKEN, ids=[f"{row[0]}: {row[5][:40]}" for row in BROKEN]
)
def test_a_broken_manifest(example, old, new, line, column, words, help_):
    sound = SOUND[example]
    assert old in sound
    found = wrong(sound.replace(old, new, 1))
    here = [finding for finding in found if finding[:2] == (line, column) and words in finding[2]]
    assert here, found
    assert help_ in f"{here[0][2]} {here[0][3]} {here[0][4]}"


def test_everything_is_told_at_once():
    text = GROUP.replace("execution:", "exection:").replace("depends_on: pull", "depends_on: 3").replace("region:", "1:")
    assert len(wrong(text)) == 3


def test_several_documents_of_a_file_are_looked_at_each():
    found = wrong(GROUP + "---\n" + textwrap.dedent(POLICIES).replace("max_attempts: 3", "max_attempts: 99"))
    assert [line for line, *_ in found] == [28]


def test_of_very_many_findings_the_first_are_told_and_the_others_counted():
    found = wrong(GROUP.replace("    - name: pull", "".join("    - {nmae: x}\n" for _ in range(2000)) + "    - name: pull"))
    assert len(found) == 1001
    assert found[-1][2] == "there are 5,000 more findings"


def test_what_somebody_wrote_is_cut_short_in_a_message():
    found = wrong(GROUP.replace("region:", "x" * 9999 + ":").replace("tags:", "y" * 9999 + ":").replace("parallel", "z" * 9999))
    assert found
    assert all(len(" ".join(map(str, finding))) < 1000 for finding in found)
