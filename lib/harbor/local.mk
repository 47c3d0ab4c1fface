# Sources of lib/harbor, in reading order.
harbor_sources =
