"""Measuring one model: its workload, its calls, and what they say beside the machine's limit."""
