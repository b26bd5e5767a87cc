"""The helpers of `launch_benchmark.py`, the command line of Intel's model zoo over this package's own."""
