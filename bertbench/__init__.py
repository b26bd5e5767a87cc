"""bertbench: is BERT in this precision, on this machine, in this version, still accurate and still fast?"""

__version__ = "0.1.0"
