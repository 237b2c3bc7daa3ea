import contextlib
import copy
import pickle
import threading
from typing import ClassVar

import pytest

from weftline import Environment, Node, Pipeline, Provider
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.errors import ProviderContractError, ProviderFailedError, UnknownBackendError, UnsendableError


class Embedder(Provider):
    """A facade with a configuration."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def embed(self, texts: list[str], power: int = 1) -> list[float]:
        """Says how long they are."""
        return [self.weigh(text) ** power for text in texts]

    def weigh(self, text: str) -> float:
        return self.scale * len(text)

    def lies(self) -> int:
        return "seven"

    def breaks(self, transient: bool) -> int:
        print("last words")
        raise ConnectionError("no answer") if transient else LookupError("no such model")

    def where(self) -> str:
        return threading.current_thread().name

    @staticmethod
    def plain(anything):
        return anything


class Doubled(Embedder):
    def embed(self, texts: list[str], power: int = 1) -> list[float]:
        return [2 * found for found in super().embed(texts, power)]


class Embed(Node):
    requires: ClassVar = {"texts": list[str]}
    provides: ClassVar = {"vectors": list[float]}

    def __init__(self, embedder):
        self.embedder = embedder

    def run(self, ctx):
        ctx.set("vectors", self.embedder.embed(ctx.get("texts")))


def opened(kind):
    return contextlib.closing(kind(2))


def test_a_provider_works_in_this_process_unless_it_is_told():
    assert Embedder(2.0).embed(["a", "bc"]) == [2.0, 4.0]
    assert Embedder().embed(["abc"], power=2) == [9.0]
    assert Embedder().where() == threading.current_thread().name
    assert Embedder.plain(3) == 3
    assert Embedder.embed.__doc__ == "Says how long they are."


@pytest.mark.parametrize("kind", [InlineBackend, ThreadBackend])
def test_a_method_runs_at_the_backend_with_what_it_calls_of_itself(kind):
    with opened(kind) as backend:
        assert Embedder.on(backend, scale=2.0).embed(["a", "bc"], power=2) == [4.0, 16.0]
        assert Doubled.on(backend).embed(["abc"]) == [6.0]
        assert Embedder.on(backend).where().startswith("weftline-") is (kind is ThreadBackend)


@pytest.mark.parametrize("kind", [None, ThreadBackend])
def test_arguments_and_results_are_what_the_annotations_say(kind):
    with opened(kind) if kind else contextlib.nullcontext() as backend:
        embedder = Embedder() if backend is None else Embedder.on(backend)
        with pytest.raises(
            ProviderContractError, match=r"argument 'texts' of Embedder.embed\(\) is not list\[str\]: \[1\] is 2"
        ):
            embedder.embed(["a", 2])
        with pytest.raises(ProviderContractError, match=r"the result of Embedder.lies\(\) is not int"):
            embedder.lies()
        with pytest.raises(TypeError, match="texts"):
            embedder.embed()


def test_an_error_at_a_backend_is_told_with_its_cause_and_whether_trying_again_may_help(capsys):
    with opened(ThreadBackend) as backend:
        embedder = Embedder.on(backend)
        for transient, cause in ((True, "ConnectionError: no answer"), (False, "LookupError: no such model")):
            with pytest.raises(ProviderFailedError) as caught:
                embedder.breaks(transient=transient)
            assert caught.value.cause == cause
            assert caught.value.transient is transient
    with pytest.raises(LookupError):
        Embedder().breaks(transient=False)


def test_what_changes_in_a_provider_is_what_works_and_what_cannot_travel_is_told():
    with opened(ThreadBackend) as backend:
        one, other = Embedder.on(backend, 2.0), Embedder.on(backend, 5.0)
        assert [one.embed(["a"]), other.embed(["a"]), one.embed(["a"])] == [[2.0], [5.0], [2.0]]
        one.scale = 3.0
        assert one.embed(["a"]) == [3.0]
        one.scale = lambda: None
        with pytest.raises(UnsendableError, match=r"the provider of node 'Embedder\.embed'"):
            one.embed(["a"])


def test_many_threads_ask_one_provider():
    found = {}
    with opened(ThreadBackend) as backend:
        embedder = Embedder.on(backend)

        def ask(number):
            found[number] = [embedder.embed(["x" * number]) for _ in range(40)]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert found == {number: [[float(number)]] * 40 for number in range(12)}


def test_a_backend_that_nobody_knows_is_an_error():
    with pytest.raises(UnknownBackendError):
        Embedder.on("thread").embed([])


def test_a_provider_travels_with_its_address_only():
    travelled = pickle.loads(pickle.dumps(Embedder.on("inline", 3.0)))
    assert travelled.embed(["a"]) == [3.0]
    assert copy.copy(Embedder(4.0)).embed(["a"]) == [4.0]
    with opened(InlineBackend) as backend, pytest.raises(TypeError, match="give the backend's address"):
        pickle.dumps(Embedder.on(backend))


def key_of(embedder, tmp_path):
    plan = Pipeline([Embed(embedder)], name="p").plan(given={"texts": ["a"]}, home=tmp_path)
    return plan.steps[0].key


def test_the_key_of_a_node_has_the_class_and_the_configuration_and_not_the_backend(tmp_path):
    one = key_of(Embedder(2.0), tmp_path)
    assert key_of(Embedder.on("threads", 2.0), tmp_path) == one
    assert key_of(Embedder.on("processes", 2.0), tmp_path) == one
    assert key_of(Embedder(3.0), tmp_path) != one
    assert key_of(Doubled(2.0), tmp_path) != one


def test_the_environment_of_a_backend_counts(tmp_path):
    keys = {
        key_of(embedder, tmp_path)
        for embedder in (Embedder(), Embedder.on(Environment("numpy<2")), Embedder.on(Environment("numpy<3")))
    }
    assert len(keys) == 3
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy<2\n")
    assert key_of(Embedder.on(f"interpreter:{requirements}"), tmp_path) == key_of(Embedder.on(Environment("numpy<2")), tmp_path)
