"""`python -m bertbench` is the `bertbench` command."""

from bertbench.cli import main

if __name__ == "__main__":
    main()
