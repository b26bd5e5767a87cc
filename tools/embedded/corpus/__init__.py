"""A synthetic corpus, so that everything runs without downloads."""

from tools.embedded.corpus.corpus import DEFAULT_SIZES, SEED, Sizes, write_corpus

__all__ = ["DEFAULT_SIZES", "SEED", "Sizes", "write_corpus"]
