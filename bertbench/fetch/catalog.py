"""What can be downloaded: addresses, sizes, checksums and licenses.

The checksums are published by TensorFlow Datasets and Hugging Face `datasets` for the same addresses; that of
`evaluate-v1.1.py` is from the bundle of the SQuAD leaderboard. If no checksum is published, it is None: the
checksum of the first download is then recorded, and later downloads are compared with it.
"""

import difflib
from pathlib import PurePosixPath

from bertbench.errors import InputError
from bertbench.fetch.item import Item, Source

_SQUAD = "https://rajpurkar.github.io/SQuAD-explorer/dataset"
_GLUE = "https://dl.fbaipublicfiles.com/glue/data"
_SENTEVAL = "https://dl.fbaipublicfiles.com/senteval/senteval_data"
_XNLI = "https://dl.fbaipublicfiles.com/XNLI"
_GOOGLE = "https://storage.googleapis.com/bert_models"
_INTEL = "https://storage.googleapis.com/intel-optimized-tensorflow/models"


_SQUAD_DEV = Source(
    (f"{_SQUAD}/dev-v1.1.json",),
    "dev-v1.1.json",
    4854279,
    "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
)
_SQUAD_ITEM = Item(
    "squad",
    "SQuAD",
    (
        Source(
            (f"{_SQUAD}/train-v1.1.json",),
            "train-v1.1.json",
            30288272,
            "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
        ),
        _SQUAD_DEV,
        Source(
            (
                "https://worksheets.codalab.org/rest/bundles/0xbcd57bee090b421c982906709c8c27e1/contents/blob/",
                "https://raw.githubusercontent.com/allenai/bi-att-flow/master/squad/evaluate-v1.1.py",
            ),
            "evaluate-v1.1.py",
            None,
            "f5a673dbbd173e29e9ea38f1b2091d883583b77b3a4c17144b223fb0f2f9bd09",
        ),
    ),
    "SQUAD_DIR",
    "SQuAD",
    30288272 + 4854279,
    "CC BY-SA 4.0",
)


def _glue_item(task: str, license: str, *sources: Source, split_mrpc: bool = False) -> Item:
    about = sum(source.size or 0 for source in sources)
    return Item(f"glue/{task}", f"glue/{task}", sources, "GLUE_DIR", "glue", about, license, split_mrpc)


def _zip(address: str, size: int | None = None, sha256: str | None = None) -> Source:
    return Source((address,), PurePosixPath(address).name, size, sha256)


def _text(address: str, size: int, sha256: str) -> Source:
    return Source((address,), PurePosixPath(address).name, size, sha256)


_GLUE_ITEMS = (
    _glue_item(
        "CoLA",
        "own terms: nyu-mll.github.io/CoLA",
        _zip(f"{_GLUE}/CoLA.zip", 376971, "f212fcd832b8f7b435fb991f101abf89f96b933ab400603bf198960dfc32cbff"),
    ),
    _glue_item(
        "SST-2",
        "own terms: nlp.stanford.edu/sentiment",
        _zip(
            f"{_GLUE}/SST-2.zip", 7439277, "d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa"
        ),
    ),
    _glue_item(
        "MRPC",
        "own terms: microsoft.com/download id 52398",
        _text(
            f"{_SENTEVAL}/msr_paraphrase_train.txt",
            1047044,
            "60a9b09084528f0673eedee2b69cb941920f0b8cd0eeccefc464a98768457f89",
        ),
        _text(
            f"{_SENTEVAL}/msr_paraphrase_test.txt",
            441275,
            "a04e271090879aaba6423d65b94950c089298587d9c084bf9cd7439bd785f784",
        ),
        _text(
            f"{_GLUE}/mrpc_dev_ids.tsv",
            6222,
            "971d7767d81b997fd9060ade0ec23c4fc31cbb226a55d1bd4a1bac474eb81dc7",
        ),
        split_mrpc=True,
    ),
    _glue_item(
        "QQP",
        "own terms: quora.com/about/tos",
        _zip(
            f"{_GLUE}/QQP-clean.zip",
            41696084,
            "40e7c862c04eb26ee04b67fd900e76c45c6ba8e6d8fab4f8f1f8072a1a3fbae0",
        ),
    ),
    _glue_item(
        "STS-B",
        "own terms: ixa2.si.ehu.es/stswiki",
        _zip(
            f"{_GLUE}/STS-B.zip", 802872, "e60a6393de5a8b5b9bac5020a1554b54e3691f9d600b775bd131e613ac179c85"
        ),
    ),
    _glue_item(
        "MNLI",
        "own terms: cims.nyu.edu/~sbowman/multinli",
        _zip(
            f"{_GLUE}/MNLI.zip", 312783507, "e7c1d896d26ed6caf700110645df426cc2d8ebf02a5ab743d5a5c68ac1c83633"
        ),
    ),
    _glue_item(
        "QNLI",
        "CC BY-SA 4.0 (from SQuAD)",
        _zip(
            f"{_GLUE}/QNLIv2.zip",
            10627589,
            "e634e78627a29adaecd4f955359b22bf5e70f2cbd93b493f2d624138a0c0e5f5",
        ),
    ),
    _glue_item(
        "RTE",
        "own terms: aclweb.org/aclwiki",
        _zip(f"{_GLUE}/RTE.zip", 697150, "6bf86de103ecd335f3441bd43574d23fef87ecc695977a63b82d5efb206556ee"),
    ),
    _glue_item(
        "WNLI",
        "own terms: cs.nyu.edu WinogradSchemas",
        _zip(f"{_GLUE}/WNLI.zip", 28999, "ae0e8e4d16f4d46d4a0a566ec7ecceccfd3fbfaa4a7a4b4e02848c0f2561ac46"),
    ),
    _glue_item(
        "XNLI",
        "CC BY-NC 4.0",
        _zip(
            f"{_XNLI}/XNLI-1.0.zip",
            17865352,
            "4ba1d5e1afdb7161f0f23c66dc787802ccfa8a25a3ddd3b165a35e50df346ab1",
        ),
        _zip(
            f"{_XNLI}/XNLI-MT-1.0.zip",
            466098360,
            "f732517ba2fb1d550e9f3c2aabaef6017c91ee2dcec90e878f138764d224db05",
        ),
    ),
)


def _google_item(
    name: str, release: str, folder: str, about: int, *also: Source, size: int | None = None
) -> Item:
    variable = "BERT_LARGE_DIR" if "L-24" in folder else "BERT_BASE_DIR"
    sources = (_zip(f"{_GOOGLE}/{release}/{folder}.zip", size), *also)
    return Item(name, folder, sources, variable, folder, about, "Apache-2.0")


_MODEL_ITEMS = (
    # launch_benchmark.py expects the dev set in the folder of the whole-word-masking model (--data-location).
    _google_item(
        "wwm-uncased-large", "2019_05_30", "wwm_uncased_L-24_H-1024_A-16", 1_250_000_000, _SQUAD_DEV
    ),
    _google_item("wwm-cased-large", "2019_05_30", "wwm_cased_L-24_H-1024_A-16", 1_240_000_000),
    _google_item("bert-large-uncased", "2018_10_18", "uncased_L-24_H-1024_A-16", 1_250_000_000),
    _google_item("bert-large-cased", "2018_10_18", "cased_L-24_H-1024_A-16", 1_240_000_000),
    _google_item("bert-base-uncased", "2018_10_18", "uncased_L-12_H-768_A-12", 407727028, size=407727028),
    _google_item("bert-base-cased", "2018_10_18", "cased_L-12_H-768_A-12", 404_000_000),
    _google_item("bert-medium-uncased", "2020_02_20", "uncased_L-8_H-512_A-8", 153_000_000),
    _google_item("bert-small-uncased", "2020_02_20", "uncased_L-4_H-512_A-8", 107_000_000),
    _google_item("bert-mini-uncased", "2020_02_20", "uncased_L-4_H-256_A-4", 41_000_000),
    _google_item("bert-tiny-uncased", "2020_02_20", "uncased_L-2_H-128_A-2", 16_000_000),
    Item(
        "intel-bert-large-squad",
        "bert_large_checkpoints",
        (_zip(f"{_INTEL}/v1_8/bert_large_checkpoints.zip"),),
        "CHECKPOINT_DIR",
        "bert_large_checkpoints",
        3_400_000_000,
        "Apache-2.0",
    ),
)

ITEMS = {item.name: item for item in (_SQUAD_ITEM, *_GLUE_ITEMS, *_MODEL_ITEMS)}


def find_item(name: str) -> Item:
    """The item of that name, ignoring case.

    Raises:
      InputError: nothing has the name; the nearest one is named.
    """
    by_lower = {known.lower(): item for known, item in ITEMS.items()}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    nearest = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f"did you mean {by_lower[nearest[0]].name}? " if nearest else ""
    raise InputError(f"{name}: no such download; {hint}bertbench fetch --list shows all names.")
