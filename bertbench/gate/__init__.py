"""The verdicts: rules, limits, the statistics of comparison, and interleaved runs."""
