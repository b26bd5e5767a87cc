"""Process groups, core placement and Horovod's launcher."""
