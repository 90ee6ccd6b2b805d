"""The command line: one file per command, data on stdout, talk on stderr."""
