/* node_keys.c - which login of which pull secret fits an image, by kubelet's rules: keys lose their
 * scheme and a leading /v1/ or /v2/, match host parts as globs, port for port, and path by prefix.
 * credsStore and identitytoken are not looked at. */
#include "mock/node.h"

#include "base/base64.h"

#include <fnmatch.h>
#include <stdlib.h>

struct mk_key {
    char *host, *path; /* path with its slash, "" if none */
    char *user, *secret;
};

/* ---- reading -------------------------------------------------------------------------------- */

static size_t first_bad(const char *s)
{
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/* "user:password" out of auth; false with Go's words when it is malformed. */
static bool read_auth(const char *auth, char **ret_user, char **ret_secret, char **ret_why)
{
    ir_buf text = IR_BUF_SECRET(IR_SECRET_MAX);
    bool ok = ir_base64_decode(auth, strlen(auth), &text);
    char *colon = ok && text.len ? memchr(text.p, ':', text.len) : NULL;
    if (!ok)
        *ret_why = ir_format("illegal base64 data at input byte %zu", first_bad(auth));
    else if (!colon)
        *ret_why = ir_strdup("unable to parse auth field, must be formatted as "
                             "base64(username:password)");
    if (colon) {
        *ret_user = ir_strndup(text.p, (size_t)(colon - text.p));
        *ret_secret = ir_strdup(colon + 1);
    }
    ir_buf_free(&text);
    return colon != NULL;
}

static bool set_place(struct mk_key *k, const char *location)
{
    const char *p = strstr(location, "://");
    p = p ? p + 3 : location;
    const char *path = strchr(p, '/');
    k->host = ir_strndup(p, path ? (size_t)(path - p) : strlen(p));
    path = path ? path : "";
    if (ir_starts(path, "/v2/") || ir_starts(path, "/v1/"))
        path += 3;
    k->path = ir_strdup(!strcmp(path, "/") ? "" : path);
    return k->host && k->path;
}

static void key_clear(struct mk_key *k)
{
    free(k->host);
    free(k->path);
    free(k->user);
    ir_free_secret(k->secret);
}

static bool add_key(mk_keyring *ring, const char *location, const ir_json *entry, char **ret_why)
{
    const char *auth = ir_json_str(entry, "auth"), *user = ir_json_str(entry, "username");
    const char *secret = ir_json_str(entry, "password");
    struct mk_key k = {0};
    if (auth && *auth) {
        if (!read_auth(auth, &k.user, &k.secret, ret_why))
            return false;
    } else {
        k.user = ir_strdup(user ? user : "");
        k.secret = ir_strdup(secret ? secret : "");
    }
    struct mk_key *grown = realloc(ring->v, (ring->n + 1) * sizeof *grown);
    if (!grown || !set_place(&k, location) || !k.user || !k.secret) {
        ring->v = grown ? grown : ring->v;
        key_clear(&k);
        return true;
    }
    ring->v = grown;
    ring->v[ring->n++] = k;
    return true;
}

bool mk_keyring_add(mk_keyring *k, const char *doc, size_t len, char **ret_why)
{
    ir_json *j = NULL;
    bool ok = true;
    if (ir_json_parse(doc, len, "pull secret", &j, NULL))
        return true; /* the API server let it pass: it is an object at least */
    const ir_json *auths = ir_json_get(j, "auths");
    for (void *it = ir_json_first(auths); it && ok; it = ir_json_next(auths, it))
        ok = add_key(k, ir_json_key(it), ir_json_value(it), ret_why);
    ir_json_free(j);
    return ok;
}

void mk_keyring_free(mk_keyring *k)
{
    for (size_t i = 0; i < k->n; i++)
        key_clear(&k->v[i]);
    free(k->v);
    *k = (mk_keyring){0};
}

/* ---- matching ------------------------------------------------------------------------------- */

static size_t host_len(const char *host)
{
    const char *bracket = strchr(host, ']'), *colon = strchr(bracket ? bracket : host, ':');
    return colon ? (size_t)(colon - host) : strlen(host);
}

/* Part for part, so that a star does not reach over a dot. */
static bool hosts_match(const char *glob, const char *host)
{
    size_t n_glob = host_len(glob), n_host = host_len(host);
    if (strcmp(glob + n_glob, host + n_host))
        return false;
    char *a = ir_strndup(glob, n_glob), *b = ir_strndup(host, n_host);
    bool ok = a && b;
    for (char *p = a, *q = b; ok && p && q;) {
        char *p_end = strchr(p, '.'), *q_end = strchr(q, '.');
        ok = !p_end == !q_end;
        if (p_end && q_end)
            *p_end++ = *q_end++ = 0;
        ok = ok && !fnmatch(p, q, 0);
        p = p_end;
        q = q_end;
    }
    free(a);
    free(b);
    return ok;
}

static bool key_fits(const struct mk_key *k, const char *host, const char *path)
{
    return ir_starts(path, k->path) && hosts_match(k->host, host);
}

static int more_special(const void *a, const void *b)
{
    const struct mk_key *const *x = a, *const *y = b;
    int rc = strcmp((*y)->host, (*x)->host);
    return rc ? rc : strcmp((*y)->path, (*x)->path);
}

size_t mk_keyring_find(const mk_keyring *k, const char *image, mk_login *ret, size_t max)
{
    const char *slash = strchr(image, '/');
    char *host = slash ? ir_strndup(image, (size_t)(slash - image)) : NULL;
    const struct mk_key **fits = calloc(k->n + 1, sizeof(struct mk_key *));
    size_t n = 0;
    for (size_t i = 0; host && fits && i < k->n; i++)
        if (key_fits(&k->v[i], host, slash))
            fits[n++] = &k->v[i];
    if (fits && n)
        qsort(fits, n, sizeof *fits, more_special);
    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++)
        ret[i] = (mk_login){fits[i]->user, fits[i]->secret};
    free(fits);
    free(host);
    return n;
}
