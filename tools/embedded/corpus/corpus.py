"""The whole synthetic corpus as files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.files import write_json, write_text
from tools.embedded.corpus.mrpc import Pair, make_pairs, to_tsv
from tools.embedded.corpus.paragraphs import Paragraph
from tools.embedded.corpus.plain import make_documents, to_text
from tools.embedded.corpus.squad import make_paragraphs, to_squad
from tools.embedded.corpus.vocabulary import train_vocabulary

SEED = 20


@dataclass(frozen=True)
class Sizes:
    """How much the corpus holds: paragraphs (three questions each), pairs, documents and wordpieces."""

    train_paragraphs: int = 2700
    dev_paragraphs: int = 170
    train_pairs: int = 3000
    dev_pairs: int = 400
    test_pairs: int = 200
    documents: int = 3500
    held_out_documents: int = 100
    wordpieces: int = 1200


DEFAULT_SIZES = Sizes()


def write_corpus(directory: Path | str, *, seed: int = SEED, sizes: Sizes = DEFAULT_SIZES) -> None:
    """Write the corpus: the same bytes for the same seed and sizes on every machine.

    Below `directory` are then `squad/{train,dev}-v1.1.json`, `glue/MRPC/{train,dev,test}.tsv`,
    `pretraining/{corpus,held_out}.txt` and `vocab.txt`. Dev, test and held-out parts share no paragraph
    and no sentence pair with the training parts, and half of the composed names drawn for them appear in no
    training part.

    Raises:
      InputError: `directory` cannot be written.
    """
    directory = Path(directory)
    train = make_paragraphs(seed, held_out=False, count=sizes.train_paragraphs)
    dev = make_paragraphs(seed, held_out=True, count=sizes.dev_paragraphs)
    write_json(directory / "squad/train-v1.1.json", to_squad(train, "train"), indent=None)
    write_json(directory / "squad/dev-v1.1.json", to_squad(dev, "dev"), indent=None)

    counts = {"train": sizes.train_pairs, "dev": sizes.dev_pairs, "test": sizes.test_pairs}
    pairs = {part: make_pairs(seed, part, count=count) for part, count in counts.items()}
    for part, own in pairs.items():
        write_text(directory / f"glue/MRPC/{part}.tsv", to_tsv(own, labeled=part != "test"))

    documents = make_documents(seed, held_out=False, count=sizes.documents)
    held_out = make_documents(seed, held_out=True, count=sizes.held_out_documents)
    write_text(directory / "pretraining/corpus.txt", to_text(documents))
    write_text(directory / "pretraining/held_out.txt", to_text(held_out))

    lines = _training_text(train, pairs["train"], documents)
    write_text(directory / "vocab.txt", "\n".join(train_vocabulary(lines, sizes.wordpieces)) + "\n")


def _training_text(
    paragraphs: Sequence[Paragraph], pairs: Sequence[Pair], documents: Sequence[Sequence[str]]
) -> Iterator[str]:
    for paragraph in paragraphs:
        yield paragraph.text
        yield from (question.text for question in paragraph.questions)
    for pair in pairs:
        yield from (pair.first, pair.second)
    for document in documents:
        yield from document
