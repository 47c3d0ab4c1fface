/* limits.h - every cap on what a server, a file or an archive controls, in one place. */
#ifndef IR_BASE_LIMITS_H
#define IR_BASE_LIMITS_H

#define IR_KIB (1024UL)
#define IR_MIB (1024UL * 1024UL)
#define IR_GIB (1024UL * 1024UL * 1024UL)

#define IR_MANIFEST_MAX (4 * IR_MIB)     /* distribution-spec's own limit */
#define IR_CONFIG_MAX (8 * IR_MIB)       /* an image's config blob */
#define IR_TOKEN_MAX (64 * IR_KIB)
#define IR_ERROR_BODY_MAX (64 * IR_KIB)
#define IR_API_BODY_MAX (64 * IR_MIB)    /* one JSON answer of Harbor or Kubernetes */
#define IR_HEADERS_MAX (128 * IR_KIB)    /* all header lines of one reply */
#define IR_LIST_PAGE_MAX (8 * IR_MIB)
#define IR_REDIRECTS_MAX 5
#define IR_PAGES_MAX 2000
#define IR_LAYERS_MAX 4096
#define IR_PLATFORMS_MAX 1024
#define IR_INDEX_DEPTH_MAX 4
#define IR_JSON_DEPTH_MAX 64
#define IR_REF_MAX 4096                  /* bytes of a reference */
#define IR_URL_MAX (16 * IR_KIB)
#define IR_AUTH_FILE_MAX (4 * IR_MIB)
#define IR_HELPER_OUTPUT_MAX (64 * IR_KIB)
#define IR_YAML_MAX (4 * IR_MIB)
#define IR_YAML_NODES_MAX 100000
#define IR_TOML_MAX (4 * IR_MIB)
#define IR_TOML_NODES_MAX 100000
#define IR_TOML_DEPTH_MAX 32             /* of keys, of headers, of values in values, each */
#define IR_SECRET_MAX (64 * IR_KIB)
#define IR_BLOB_MAX (1024UL * IR_GIB)    /* when nothing else says how large a blob is */
#define IR_ENTRIES_MAX 4000000           /* files in one layer */
#define IR_UNPACK_MAX (256 * IR_GIB)     /* what one compressed layer may become */
#define IR_UNPACK_RATIO_MAX 200          /* times its size, once it passed IR_UNPACK_FREE */
#define IR_UNPACK_FREE (256 * IR_MIB)
#define IR_WATCH_LINE_MAX (16 * IR_MIB)
#define IR_WATCH_OBJECTS_MAX 200000      /* that one watch remembers */
#define IR_KUBE_KINDS_MAX 20000
#define IR_LOG_LINE_MAX (1 * IR_MIB)

#endif
