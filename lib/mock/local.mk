# Sources of lib/mock, in reading order.
mock_sources =
