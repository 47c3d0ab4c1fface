# What stands on the public headers: the command line, and one-purpose programs.
include examples/imgrel/local.mk
include examples/programs.mk
