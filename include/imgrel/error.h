/* error.h - what went wrong, in a struct that belongs to the caller.
 *
 * Every function that can fail returns 0 or a negative IMGREL_E* code and fills the
 * imgrel_error that it is given last. The struct has a fixed size, needs no freeing and may be
 * NULL when only the code is wanted. The library writes to it only on failure, and the first
 * failure of a call is the one that it keeps. */
#ifndef IMGREL_ERROR_H
#define IMGREL_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMGREL_API __attribute__((visibility("default")))

/** Every code: name, value, text for people. The one list that C, Python, Go and the manual
 *  are made from; values never change. */
#define IMGREL_ERRORS(X)                                                                           \
    X(OK, 0, "success")                                                                            \
    X(EINVAL, -1, "bad argument")                                                                  \
    X(ENOMEM, -2, "out of memory")                                                                 \
    X(EIO, -3, "local input or output failed")                                                     \
    X(ENET, -4, "cannot reach server")                                                             \
    X(EAUTH, -5, "not authenticated")                                                              \
    X(EDENIED, -6, "not allowed")                                                                  \
    X(ENOTFOUND, -7, "not found")                                                                  \
    X(ECONFLICT, -8, "in conflict with what exists")                                               \
    X(EDIGEST, -9, "content does not match its digest")                                            \
    X(EPROTO, -10, "unexpected reply")                                                             \
    X(ELIMIT, -11, "limit reached")                                                                \
    X(ETIMEOUT, -12, "timed out")                                                                  \
    X(ECANCELED, -13, "cancelled")                                                                 \
    X(EUNSUPPORTED, -14, "not supported")                                                          \
    X(ESTATE, -15, "wrong moment for this call")                                                   \
    X(EFORKED, -16, "handle used in a forked child")                                               \
    X(EFAILED, -17, "the server reports a failure")

enum imgrel_code {
#define IMGREL_X(name, value, text) IMGREL_##name = value,
    IMGREL_ERRORS(IMGREL_X)
#undef IMGREL_X
        IMGREL_CODE_END_ = 1
};

/** What failed, on what, why, and what to do. 1024 bytes; the layout is frozen. */
typedef struct imgrel_error {
    int32_t code;           /**< an IMGREL_E* code */
    int32_t http_status;    /**< status of the reply that decided it; 0: there was none */
    uint32_t retryable;     /**< 1: the same call may work later without any change */
    uint32_t reserved;      /**< 0 */
    int64_t retry_after_ms; /**< the server's own wish, milliseconds from now; 0: none */
    char reason[64];        /**< the server's own code, "MANIFEST_UNKNOWN"; "" if none */
    char request_id[64];    /**< the server's X-Request-Id; "" if none */
    char message[560];      /**< one line: host, object, cause; never a secret */
    char cure[312];         /**< one line: what to do about it; "" if the library has no advice */
} imgrel_error;

/** Text for a code, as in the table above; "unknown error" for any other number.
 *  Static, never NULL; any thread. */
IMGREL_API const char *imgrel_strerror(int code);

/** Name of a code ("IMGREL_ENET"); "IMGREL_EUNKNOWN" for any other number. Static; any thread. */
IMGREL_API const char *imgrel_code_name(int code);

/** Frees a string or bytes that the library gave through a T **out argument. NULL is fine.
 *  Whole strings are overwritten first only where the declaration says that they are secret. */
IMGREL_API void imgrel_free(void *p);

/** Version of the library that is loaded, "0.1.0". Static; any thread. */
IMGREL_API const char *imgrel_version(void);

#ifdef __cplusplus
}
#endif
#endif
