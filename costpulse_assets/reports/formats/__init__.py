"""One file per format: each takes a `Report` and writes it to a path."""
