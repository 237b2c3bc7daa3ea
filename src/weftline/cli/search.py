"""`weftline search`: ask the index and the knowledge graph that a document pipeline made."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import out, out_json, paint_out

if TYPE_CHECKING:
    from weftline.documents.types import Answer, Hit

#: Trials of an answer, and words of evidence for each, that are shown as text; JSON has all.
_SHOWN_TRIALS = 10
_SHOWN_EVIDENCE = 2
_WIDTH = 110


class SearchMode(StrEnum):
    """How passages are found."""

    HYBRID = "hybrid"
    KEYWORD = "keyword"
    VECTOR = "vector"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def search(
        question: Annotated[list[str], typer.Argument(help="Words, or a question such as: which trials test X for Y.")],
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many documents.")] = 3,
        mode: Annotated[SearchMode, typer.Option("--mode", help="How passages are found.")] = SearchMode.HYBRID,
        embedder: Annotated[str, typer.Option("--embedder", help="The embedder that the index was made with.")] = "minilm",
        index: Annotated[Path | None, typer.Option("--index", help="The index file.  [default: of the newest run]")] = None,
        knowledge: Annotated[
            Path | None, typer.Option("--knowledge", help="The knowledge file.  [default: of the newest run]")
        ] = None,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Search what a document pipeline indexed.

        Questions of a known form are also answered from its knowledge graph.
        """
        from weftline.app import outputs
        from weftline.documents.embed import find_embedder
        from weftline.documents.graph import KnowledgeGraph
        from weftline.documents.retrieve import Mode, SqliteRetriever
        from weftline.documents.types import IndexReceipt, KnowledgeReceipt
        from weftline.errors import IndexUnusableError

        text = " ".join(question)
        opened = home_of(home)
        index = index or _made(outputs.newest_output(opened, "index", IndexReceipt))
        knowledge = knowledge or _made(outputs.newest_output(opened, "knowledge", KnowledgeReceipt))
        opened.close()
        if index is None:
            raise IndexUnusableError(path=opened.shown, detail="no run in this home made an index")
        answer = KnowledgeGraph(knowledge).ask(text) if knowledge is not None else None
        reader = None if mode is SearchMode.KEYWORD else find_embedder(embedder)
        hits = SqliteRetriever(index, reader).search(text, Mode(mode.value), limit)
        if json:
            out_json(_as_dict(text, answer, hits))
        else:
            _tell(text, answer, hits)


def _made(found: tuple[Any, Path] | None) -> Path | None:
    return None if found is None else found[1] / found[0].path


def _tell(question: str, answer: Answer | None, hits: tuple[Hit, ...]) -> None:
    out(paint_out(question, "bold"))
    if answer is not None:
        _tell_answer(answer)
    out()
    out("  passages" if hits else "  no passage has any of these words")
    for number, hit in enumerate(hits, 1):
        out(f"  {number}  {paint_out(hit.document, 'bold')}  {hit.title}")
        out(paint_out(f"     {hit.section}: {hit.place}", "dim"))
        passage = textwrap.shorten(" ".join(hit.passage.split()), 3 * _WIDTH, placeholder=" ...")
        for line in textwrap.wrap(passage, _WIDTH):
            out(f"     {line}")


def _tell_answer(answer: Answer) -> None:
    count = len(answer.trials)
    out()
    out(
        f"  {count} trial{'' if count == 1 else 's'}, by the knowledge graph" if count else "  no trial, by the knowledge graph"
    )
    for trial in answer.trials[:_SHOWN_TRIALS]:
        out(f"     {paint_out(trial.id, 'bold')}  {trial.title}")
        said = [found for found in answer.evidence if found.document == trial.id]
        for found in said[:_SHOWN_EVIDENCE]:
            words = textwrap.shorten(" ".join(found.text.split()), _WIDTH - 30, placeholder=" ...")
            out(f'       "{words}"  {paint_out(found.place.path, "dim")}')
    if count > _SHOWN_TRIALS:
        out(f"     ... and {count - _SHOWN_TRIALS} more")


def _as_dict(question: str, answer: Answer | None, hits: tuple[Hit, ...]) -> dict[str, Any]:
    return {
        "schema": "weftline.search/v1",
        "question": question,
        "answer": None
        if answer is None
        else {
            "trials": [{"document": trial.id, "title": trial.title} for trial in answer.trials],
            "evidence": [
                {"document": found.document, "field": found.field, "text": found.text, "place": _place(found.place)}
                for found in answer.evidence
            ],
        },
        "hits": [
            {
                "document": hit.document,
                "title": hit.title,
                "section": hit.section,
                "passage": hit.passage,
                "place": _place(hit.place),
                "score": hit.score,
                "keyword_rank": hit.keyword_rank,
                "vector_rank": hit.vector_rank,
            }
            for hit in hits
        ],
    }


def _place(place: Any) -> dict[str, Any]:
    return {"path": place.path, "start": place.start, "end": place.end}
