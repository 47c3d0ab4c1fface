# What stands on the public headers: the command line.
include examples/imgrel/local.mk
