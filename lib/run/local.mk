# Sources of lib/run, in reading order.
run_sources = lib/run/copy_plan.c lib/run/copy.c lib/run/copy_plan.h lib/run/copy.h
