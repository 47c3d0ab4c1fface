# Sources of lib/net, in reading order.
net_sources =
