"""The scenarios of MLPerf Inference, run by its LoadGen."""
