"""Hidden states of texts, and the files that they are written to."""
