# Sources of lib/api, in reading order.
api_sources = lib/api/conf.c lib/api/client.c lib/api/iter.c lib/api/harbor.c lib/api/image.c
