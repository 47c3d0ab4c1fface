/* client.h - a client, how it is configured, and how one call is run.
 *
 * A client is configured by imgrel_client_set() on one thread; from its first network call on it
 * does not change and any number of threads may use it at once. Every other handle belongs to one
 * thread at a time. Calls block; they end early when their cancel token fires or their deadline
 * passes, and no thread of the library outlives them. The library prints nothing, installs no
 * signal handler and keeps no state outside its handles. */
#ifndef IMGREL_CLIENT_H
#define IMGREL_CLIENT_H

#include <imgrel/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cancel --------------------------------------------------------------------------------- */

/** A sticky token: once fired, every call that carries it ends with IMGREL_ECANCELED. */
typedef struct imgrel_cancel imgrel_cancel;

/** Makes a token. Errors: ENOMEM, EIO (no pipe). Does not block. */
IMGREL_API int imgrel_cancel_new(imgrel_cancel **out, imgrel_error *err);
/** Fires it. Any thread, any signal handler; as often as you like. NULL is fine. */
IMGREL_API void imgrel_cancel_fire(imgrel_cancel *t);
/** 1 once it was fired, else 0. Any thread. */
IMGREL_API int imgrel_cancel_fired(const imgrel_cancel *t);
/** The pipe's write end: a byte written to it fires the token (signal.set_wakeup_fd, self-pipes).
 *  Borrowed: do not close it. */
IMGREL_API int imgrel_cancel_fd(const imgrel_cancel *t);
/** Frees it; every call that carries it must have returned and every iterator, blob or forward
 *  opened with it must be freed. NULL is fine. */
IMGREL_API void imgrel_cancel_free(imgrel_cancel *t);

/* ---- progress, and the options of one call -------------------------------------------------- */

#define IMGREL_EVENT_BYTES 1     /**< bytes moved for `what` */
#define IMGREL_EVENT_STEP 2      /**< a step began or ended: `what` names it, `detail` its state */
#define IMGREL_EVENT_RETRY 3     /**< a request is about to be repeated; `detail` says why */
#define IMGREL_EVENT_LISTENING 4 /**< a port-forward listens at `what` ("127.0.0.1:8080") */
#define IMGREL_EVENT_ITEM 5      /**< one of many has ended: `what`; `detail` is its JSON line */
#define IMGREL_EVENT_WARNING 6   /**< a part of it, `what`, failed and the call goes on; `detail`:
                                      why, and the cure */
#define IMGREL_EVENT_LOG 7       /**< `detail` is a line of the log of `what` */

/** One progress report; valid during the callback only. */
typedef struct imgrel_event {
    size_t size;         /**< bytes of this struct that are filled */
    uint32_t kind;       /**< IMGREL_EVENT_* */
    uint32_t attempt;    /**< 1 for the first try */
    const char *what;    /**< digest, reference or step; never NULL */
    const char *detail;  /**< "pushing", "exists", "mounted", "done"...; never NULL */
    uint64_t done;       /**< bytes so far */
    uint64_t total;      /**< bytes in all; 0: unknown */
    uint64_t rate;       /**< bytes a second, smoothed over the last reports; 0: unknown yet */
} imgrel_event;

/** Called on the thread that made the call, at most about ten times a second for bytes. A result
 *  other than 0 ends the call with IMGREL_ECANCELED. Must not call back into the same handle. */
typedef int imgrel_progress_fn(void *user, const imgrel_event *event);

#define IMGREL_FLAG_FORCE 1u   /**< overwrite what a call would refuse to overwrite */
#define IMGREL_FLAG_DRY_RUN 2u /**< say what would change, change nothing */
#define IMGREL_FLAG_FAST 4u    /**< leave out what takes long: validate reads no layer */

/** How a call runs, never what it makes. NULL is a good default; so is 0 in every field. */
typedef struct imgrel_opts {
    size_t size;                  /**< sizeof(imgrel_opts): use IMGREL_OPTS; 0 is EINVAL */
    imgrel_cancel *cancel;        /**< ends the call early; NULL: nothing does */
    imgrel_progress_fn *progress; /**< NULL: no reports */
    void *user;                   /**< given to progress as it is */
    int64_t timeout_ms;           /**< deadline of the whole call; 0: the client's */
    const char *platform;         /**< "linux/arm64", "linux/amd64,linux/arm64"; NULL: all */
    uint32_t jobs;                /**< parallel transfers; 0: the client's */
    uint32_t flags;               /**< IMGREL_FLAG_* */
} imgrel_opts;
#define IMGREL_OPTS .size = sizeof(imgrel_opts)

/* ---- log ------------------------------------------------------------------------------------ */

#define IMGREL_LOG_ERROR 1
#define IMGREL_LOG_WARN 2
#define IMGREL_LOG_INFO 3
#define IMGREL_LOG_DEBUG 4

/** One log record, free of secrets; valid during the callback only. */
typedef struct imgrel_log_record {
    size_t size;           /**< bytes of this struct that are filled */
    uint32_t level;        /**< IMGREL_LOG_* */
    uint32_t reserved;     /**< 0 */
    const char *component; /**< "http", "auth", "oci", "harbor", "kube", "release" */
    const char *message;   /**< one line */
    const char *fields;    /**< a JSON object of details, "{}" if none */
} imgrel_log_record;

/** Called on the thread that makes the call or on a worker of it; must be thread-safe and must
 *  not call back into the library. */
typedef void imgrel_log_fn(void *user, const imgrel_log_record *record);

/* ---- secrets -------------------------------------------------------------------------------- */

/** Has curl, OpenSSL and jansson overwrite all memory that they free, in the whole process, so that
 *  no password or token stays behind in it. What the library itself holds is wiped without this.
 *  To be called before anything else of this library, curl or OpenSSL, on one thread; again it
 *  does nothing. Costs a memset for what is freed. Errors: ESTATE (OpenSSL or curl was used
 *  before). Does not block. */
IMGREL_API int imgrel_secure_init(imgrel_error *err);

/* ---- client --------------------------------------------------------------------------------- */

typedef struct imgrel_client imgrel_client;

/** Makes a client with the default of every key, then with the IMGREL_* environment variables of
 *  the table. Errors: ENOMEM, EINVAL (an environment variable has a bad value: named). */
IMGREL_API int imgrel_client_new(imgrel_client **out, imgrel_error *err);
/** Sets one key of the configuration table (imgrel-config(5)); value NULL restores the default.
 *  Both are copied. Errors: EINVAL (unknown key or bad value, with what is allowed), ESTATE
 *  (after the first network call), ENOMEM. One thread. */
IMGREL_API int imgrel_client_set(imgrel_client *c, const char *key, const char *value,
                                 imgrel_error *err);
/** The current value of a key; NULL: unknown key, a secret, or unset. Lives until it is set. */
IMGREL_API const char *imgrel_client_get(const imgrel_client *c, const char *key);
/** Sets the log callback; the least level is the key log_level. NULL: none. One thread, before
 *  the first network call. */
IMGREL_API void imgrel_client_log(imgrel_client *c, imgrel_log_fn *fn, void *user);
/** Frees a client; every handle made from it must be freed first. NULL is fine. */
IMGREL_API void imgrel_client_free(imgrel_client *c);

/** One row of the configuration table. All strings are static. */
typedef struct imgrel_config_key {
    size_t size;          /**< sizeof(imgrel_config_key), set by the caller */
    const char *name;     /**< "ca_file" */
    const char *type;     /**< "string", "path", "int", "bool", "duration", "list" or "choice" */
    const char *env;      /**< "IMGREL_CA_FILE" */
    const char *dflt;     /**< default as text; "" if none */
    const char *doc;      /**< one sentence */
    uint32_t secret;      /**< 1: never shown */
    uint32_t reserved;    /**< 0 */
} imgrel_config_key;

/** Row i of the table, from 0. Errors: ENOTFOUND past the end, EINVAL. Any thread. */
IMGREL_API int imgrel_config_row(size_t i, imgrel_config_key *row, imgrel_error *err);

/* ---- lists ---------------------------------------------------------------------------------- */

/** A list that is fetched page by page. */
typedef struct imgrel_iter imgrel_iter;

/** The next item: a name, or one JSON document, as the opening call says; it lives until the next
 *  call on the iterator. Returns 1 with an item, 0 at the end, or a negative code, after which the
 *  iterator only can be freed. May block; ends early as the opts of the opening call say. */
IMGREL_API int imgrel_iter_next(imgrel_iter *it, const char **item, imgrel_error *err);
/** Frees an iterator at any point. NULL is fine. */
IMGREL_API void imgrel_iter_free(imgrel_iter *it);

#ifdef __cplusplus
}
#endif
#endif
