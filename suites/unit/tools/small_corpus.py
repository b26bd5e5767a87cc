"""The sizes of a corpus that is generated in a moment."""

from tools.embedded.corpus import Sizes

SMALL = Sizes(
    train_paragraphs=80,
    dev_paragraphs=40,
    train_pairs=60,
    dev_pairs=30,
    test_pairs=20,
    documents=50,
    held_out_documents=10,
    wordpieces=900,
)
