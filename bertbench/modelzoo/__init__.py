"""The model zoo's command line, `launch_benchmark`."""
