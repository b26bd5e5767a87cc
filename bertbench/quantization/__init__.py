"""Calibration of the scales of int8 products on training data."""
