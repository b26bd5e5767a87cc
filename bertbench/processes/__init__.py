"""Process groups, core placement, instances and Horovod's launcher."""
