# Sources of lib/api, in reading order.
api_sources =
