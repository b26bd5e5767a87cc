"""Measuring one model: its workload, its timed calls, and its result against the machine's limit."""
