"""Compares other engines with this one: the same model, inputs and threads, interleaved in one run."""
