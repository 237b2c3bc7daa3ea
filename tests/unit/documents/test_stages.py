import pytest

from weftline.documents import stages
from weftline.documents.chunk import SentenceChunker
from weftline.documents.embed import ChunkEmbedder, HashEmbedder
from weftline.documents.extract import TrialExtractor
from weftline.documents.index import SqliteIndex
from weftline.documents.ingest import FolderIngest
from weftline.documents.knowledge import SqliteKnowledge
from weftline.documents.parse import RecordParser
from weftline.documents.stages import StageContext, require_stage
from weftline.documents.validate import DocumentValidator
from weftline.errors import StageShapeError

OURS = [
    (FolderIngest(), stages.IngestStage),
    (RecordParser(), stages.ParseStage),
    (DocumentValidator(), stages.ValidateStage),
    (SentenceChunker(), stages.ChunkStage),
    (ChunkEmbedder(HashEmbedder()), stages.EmbedStage),
    (SqliteIndex("unused"), stages.IndexStage),
    (TrialExtractor(), stages.ExtractStage),
    (SqliteKnowledge("unused"), stages.KnowledgeStage),
]


@pytest.mark.parametrize(("stage", "protocol"), OURS, ids=lambda item: getattr(item, "__name__", ""))
def test_our_stages_fit_their_contracts(stage, protocol):
    assert require_stage(stage, protocol) is stage


class NoConfirms:
    def execute(self, ctx, batches):
        pass


class ExecuteIsData:
    execute = 5


class TooFewArguments:
    def execute(self, ctx):
        pass


class OneMoreArgument:
    def execute(self, ctx, document, mandatory):
        pass


class OneMoreDefault:
    def execute(self, ctx, document, optional=1):
        pass


@pytest.mark.parametrize(
    ("stage", "protocol", "told"),
    [
        (NoConfirms(), stages.IndexStage, "it has no method 'confirms'"),
        (object(), stages.ChunkStage, "it has no method 'execute'"),
        (ExecuteIsData(), stages.ChunkStage, "its 'execute' is not a method but int"),
        (TooFewArguments(), stages.ChunkStage, "does not accept 2 positional arguments"),
        (OneMoreArgument(), stages.ChunkStage, "missing a required argument: 'mandatory'"),
        (TooFewArguments, stages.ChunkStage, "it is a class"),
    ],
)
def test_a_stage_of_another_shape_is_refused_with_the_method_named(stage, protocol, told):
    with pytest.raises(StageShapeError) as caught:
        require_stage(stage, protocol)
    assert told in caught.value.message
    assert caught.value.code == "D715"
    assert "def " in caught.value.fix


def test_an_argument_with_a_default_does_no_harm():
    require_stage(OneMoreDefault(), stages.ChunkStage)


def test_the_context_has_defaults_for_everything():
    assert StageContext() == StageContext("default", "", "", "", {}, "", "")
