"""Downloads of data and checkpoints from their official addresses, verified and unpacked safely."""
