"""Export of models to file formats that other programs run."""
