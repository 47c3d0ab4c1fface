# Sources of lib/oci, in reading order.
oci_sources =
