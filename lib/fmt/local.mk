# Sources of lib/fmt, in reading order.
fmt_sources =
