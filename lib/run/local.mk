# Sources of lib/run, in reading order.
run_sources =
