"""From a trained model to the scales of its int8 products, by calibration on training data."""
