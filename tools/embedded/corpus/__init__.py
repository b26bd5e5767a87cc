"""A made-up corpus with real structure, so that everything runs with nothing downloaded."""

from tools.embedded.corpus.corpus import DEFAULT_SIZES, SEED, Sizes, write_corpus

__all__ = ["DEFAULT_SIZES", "SEED", "Sizes", "write_corpus"]
