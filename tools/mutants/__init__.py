"""Damaged and hostile files: how many are read correctly, how many are refused in one line.

    python -m tools.mutants --count 2000

damages a real file of each format `count` times and reads each damaged file in a separate process with
limited time and memory. A mutant passes if the result is correct, or if the exit status is 2 with one line on
standard error that names the file.
"""
