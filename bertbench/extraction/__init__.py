"""Hidden states of texts, and their files."""
