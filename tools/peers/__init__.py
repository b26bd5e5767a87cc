"""Other engines beside this one: the same model, inputs and threads, interleaved in one run."""
