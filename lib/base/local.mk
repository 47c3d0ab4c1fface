# Sources of lib/base, in reading order.
base_sources =
