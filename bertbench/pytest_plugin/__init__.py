"""bertbench in pytest; the only room that imports it."""
