"""The command line: verbs of the path; results to stdout, everything else to stderr."""
