/* conf.c - the configuration table. One row a key feeds imgrel_client_set(), the IMGREL_*
 * environment variables, `imgrel --set`, imgrel-config(5) and both bindings; nothing about a key is
 * written anywhere else. */
#include "api/client.h"
#include "base/buf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum type { T_STRING, T_PATH, T_INT, T_BOOL, T_DURATION, T_LIST, T_CHOICE };
static const char *const type_names[] = { "string", "path",     "int",  "bool",
                                          "duration", "list", "choice" };

struct row {
    const char *name, *env;
    enum type type;
    size_t offset;
    const char *dflt;
    long long min, max;      /* int and duration (milliseconds) */
    const char *choices;     /* "a|b|c" */
    bool secret;
    const char *doc;
};
#define AT(member) offsetof(ir_conf, member)
#define MS_MAX (30LL * 24 * 3600 * 1000)

static const struct row rows[] = {
    { "ca_file", "IMGREL_CA_FILE", T_PATH,
      AT(ca_file), "", 0, 0, NULL, false,
      "PEM file of the certificate authorities to trust instead of the system's." },
    { "client_cert", "IMGREL_CLIENT_CERT", T_PATH,
      AT(client_cert), "", 0, 0, NULL, false,
      "PEM certificate offered to hosts that ask for one and have none in certs_dirs." },
    { "client_key", "IMGREL_CLIENT_KEY", T_PATH,
      AT(client_key), "", 0, 0, NULL, false,
      "PEM key of client_cert." },
    { "plain_http", "IMGREL_PLAIN_HTTP", T_LIST,
      AT(plain_http), "", 0, 0, NULL, false,
      "Hosts (host or host:port) that are spoken to without TLS." },
    { "insecure", "IMGREL_INSECURE", T_LIST,
      AT(insecure), "", 0, 0, NULL, false,
      "Hosts whose certificate is not checked; credentials still go there." },
    { "resolve", "IMGREL_RESOLVE", T_LIST,
      AT(resolve), "", 0, 0, NULL, false,
      "Where to connect instead of asking DNS: host[:port]=address[:port]." },
    { "certs_dirs", "IMGREL_CERTS_DIRS", T_LIST,
      AT(certs_dirs),
      "/etc/containers/certs.d,/etc/docker/certs.d,/etc/containerd/certs.d", 0, 0, NULL, false,
      "Directories with a folder per host that holds its CA, client certificate and key." },
    { "registries_conf", "IMGREL_REGISTRIES_CONF", T_PATH,
      AT(registries_conf), "", 0, 0, NULL, false,
      "A containers-registries.conf(5) whose locations, mirrors and blocks count; auto: the user's "
      "or the system's, as podman finds it; unset: none is read." },
    { "hosts_dirs", "IMGREL_HOSTS_DIRS", T_LIST,
      AT(hosts_dirs), "", 0, 0, NULL, false,
      "Directories with a folder per host that holds containerd's hosts.toml: mirrors to pull from "
      "and how they are reached; stands before registries_conf." },
    { "proxy", "IMGREL_PROXY", T_STRING,
      AT(proxy), "", 0, 0, NULL, true,
      "Proxy for every host, http:// or https:// or socks5h://; unset: http_proxy, https_proxy "
      "and all_proxy of the environment." },
    { "no_proxy", "IMGREL_NO_PROXY", T_STRING,
      AT(no_proxy), "", 0, 0, NULL, false,
      "Hosts that are reached without the proxy, separated by commas; * for all." },
    { "proxy_user", "IMGREL_PROXY_USER", T_STRING,
      AT(proxy_user), "", 0, 0, NULL, false,
      "User name for the proxy." },
    { "proxy_password", "IMGREL_PROXY_PASSWORD", T_STRING,
      AT(proxy_password), "", 0, 0, NULL, true,
      "Password for the proxy." },
    { "proxy_ca_file", "IMGREL_PROXY_CA_FILE", T_PATH,
      AT(proxy_ca_file), "", 0, 0, NULL, false,
      "PEM file of the authorities to trust for an https:// proxy; unset: as for every host." },
    { "auth_file", "IMGREL_AUTH_FILE", T_PATH,
      AT(auth_file), "", 0, 0, NULL, false,
      "The docker config.json or containers auth.json that logins are read from and kept in; "
      "unset: REGISTRY_AUTH_FILE, containers' auth.json, ~/.docker/config.json." },
    { "registry_hosts", "IMGREL_REGISTRY_HOSTS", T_LIST,
      AT(registry_hosts), "", 0, 0, NULL, false,
      "The hosts that registry_user and registry_password are for." },
    { "registry_user", "IMGREL_REGISTRY_USER", T_STRING,
      AT(registry_user), "", 0, 0, NULL, false,
      "User name for registry_hosts; stands before every stored login." },
    { "registry_password", "IMGREL_REGISTRY_PASSWORD", T_STRING,
      AT(registry_password), "", 0, 0, NULL, true,
      "Password of registry_user." },
    { "helpers", "IMGREL_HELPERS", T_BOOL,
      AT(helpers), "true", 0, 0, NULL, false,
      "Whether docker-credential helpers that the auth file names may be run." },
    { "helper_timeout", "IMGREL_HELPER_TIMEOUT", T_DURATION,
      AT(helper_timeout_ms), "30s", 100, MS_MAX, NULL, false,
      "How long a credential helper may take." },
    { "user_agent", "IMGREL_USER_AGENT", T_STRING,
      AT(user_agent), "", 0, 0, NULL, false,
      "A product that is put before the library's own in User-Agent: mytool/1.2." },
    { "connect_timeout", "IMGREL_CONNECT_TIMEOUT", T_DURATION,
      AT(connect_timeout_ms), "30s", 1, MS_MAX, NULL, false,
      "How long finding, connecting to and greeting a host may take." },
    { "stall_timeout", "IMGREL_STALL_TIMEOUT", T_DURATION,
      AT(stall_timeout_ms), "15s", 1, MS_MAX, NULL, false,
      "How long a transfer may go without a byte before it is broken off and tried again." },
    { "low_speed", "IMGREL_LOW_SPEED", T_INT,
      AT(low_speed), "256", 0, 1000000000, NULL, false,
      "Bytes a second below which, on average over low_speed_time, a transfer is broken off and "
      "tried again; 0: any speed will do." },
    { "low_speed_time", "IMGREL_LOW_SPEED_TIME", T_DURATION,
      AT(low_speed_time_ms), "60s", 100, MS_MAX, NULL, false,
      "Over how long the speed of a transfer is measured; only waiting for bytes counts." },
    { "rate_wait", "IMGREL_RATE_WAIT", T_DURATION,
      AT(rate_wait_ms), "2s", 0, MS_MAX, NULL, false,
      "Longest pause before each request to a server that says that few more are allowed "
      "(RateLimit-Remaining), or asked for calm; 0: none." },
    { "timeout", "IMGREL_TIMEOUT", T_DURATION,
      AT(timeout_ms), "0", 0, MS_MAX, NULL, false,
      "Deadline of each call that brings none; 0: none." },
    { "retries", "IMGREL_RETRIES", T_INT,
      AT(retries), "6", 0, 100, NULL, false,
      "How often a request that may be repeated is tried again." },
    { "retry_delay", "IMGREL_RETRY_DELAY", T_DURATION,
      AT(retry_delay_ms), "250ms", 1, MS_MAX, NULL, false,
      "Longest wait before the first retry; it doubles with each, and full jitter applies." },
    { "retry_delay_max", "IMGREL_RETRY_DELAY_MAX", T_DURATION,
      AT(retry_delay_max_ms), "20s", 1, MS_MAX, NULL, false,
      "Longest wait between two tries that we choose ourselves." },
    { "retry_budget", "IMGREL_RETRY_BUDGET", T_DURATION,
      AT(retry_budget_ms), "2m", 0, MS_MAX, NULL, false,
      "How long one request may spend waiting between tries, Retry-After included." },
    { "jobs", "IMGREL_JOBS", T_INT,
      AT(jobs), "8", 1, 64, NULL, false,
      "Parallel transfers of one call; of blobs up to 256 KiB three times as many, unless 1." },
    { "ranges", "IMGREL_RANGES", T_INT,
      AT(ranges), "4", 1, 16, NULL, false,
      "In how many ranges at once a large blob is downloaded; 1: in one piece." },
    { "ranges_from", "IMGREL_RANGES_FROM", T_INT,
      AT(ranges_from), "128", 1, 1 << 20, NULL, false,
      "Blobs of so many MiB and more are downloaded in ranges." },
    { "http2", "IMGREL_HTTP2", T_BOOL,
      AT(http2), "true", 0, 0, NULL, false,
      "Whether small requests may use HTTP/2." },
    { "expect_100", "IMGREL_EXPECT_100", T_BOOL,
      AT(expect_100), "false", 0, 0, NULL, false,
      "Whether uploads ask with Expect: 100-continue first." },
    { "compression", "IMGREL_COMPRESSION", T_CHOICE,
      AT(compression), "gzip", 0, 0, "gzip|zstd|none", false,
      "Compression of the layers that are made." },
    { "compression_codec", "IMGREL_COMPRESSION_CODEC", T_CHOICE,
      AT(compression_codec), "auto", 0, 0, "auto|zlib|isal", false,
      "What compresses gzip; auto: ISA-L where it is built in, else zlib." },
    { "compression_level", "IMGREL_COMPRESSION_LEVEL", T_INT,
      AT(compression_level), "0", 0, 19, NULL, false,
      "Level of the codec; 0: its default for layers (fast)." },
    { "cache_dir", "IMGREL_CACHE_DIR", T_PATH,
      AT(cache_dir), "", 0, 0, NULL, false,
      "Where the addresses of large uploads are kept while they last, so that the next process "
      "goes on with one that was broken off; a week at most. Unset: they are not, but by imgrel, "
      "in $XDG_CACHE_HOME/imgrel or ~/.cache/imgrel." },
    { "log_level", "IMGREL_LOG_LEVEL", T_CHOICE,
      AT(log_level), "warn", 0, 0, "error|warn|info|debug", false,
      "Least important record that is given to the log callback." },
};
#define N_ROWS (sizeof rows / sizeof *rows)

static const struct row *find(const char *key)
{
    for (size_t i = 0; key && i < N_ROWS; i++)
        if (!strcmp(rows[i].name, key))
            return &rows[i];
    return NULL;
}

/* Position of value in "a|b|c", from 0; -1: not one of them. */
static int choice_index(const char *choices, const char *value)
{
    int i = 0;
    for (const char *p = choices; p; i++) {
        const char *end = strchr(p, '|');
        size_t len = end ? (size_t)(end - p) : strlen(p);
        if (strlen(value) == len && !memcmp(p, value, len))
            return i;
        p = end ? end + 1 : NULL;
    }
    return -1;
}

static bool parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = { "true", "1", "yes", "on" };
    static const char *const no[] = { "false", "0", "no", "off" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (!strcmp(s, yes[i]) || !strcmp(s, no[i])) {
            *ret = !strcmp(s, yes[i]);
            return true;
        }
    }
    return false;
}

static int bad(const struct row *r, const char *value, const char *wanted, imgrel_error *err)
{
    int rc = ir_fail(err, IMGREL_EINVAL, "%s: \"%s\" is not %s", r->name,
                     r->secret ? "***" : value, wanted);
    ir_cure(err, "%s", r->doc);
    return rc;
}

static int set_text(const struct row *r, char **member, const char *value, imgrel_error *err)
{
    char *copy = *value || r->type == T_STRING ? ir_strdup(value) : NULL;
    if (!copy && (*value || r->type == T_STRING))
        return ir_nomem(err);
    ir_free_secret(*member);
    *member = copy;
    return 0;
}

static int set_number(const struct row *r, int64_t *member, const char *value, imgrel_error *err)
{
    char wanted[96];
    int64_t ms = 0;
    unsigned long long n = 0;
    bool ok = r->type == T_INT ? ir_parse_u64(value, (unsigned long long)r->max, &n)
                               : ir_parse_duration(value, &ms);
    int64_t v = r->type == T_INT ? (int64_t)n : ms;
    if (!ok || v < r->min || v > r->max) {
        snprintf(wanted, sizeof wanted, r->type == T_INT ? "a number from %lld to %lld"
                                                         : "a time like 500ms, 15s, 2m or 1h",
                 r->min, r->max);
        return bad(r, value, wanted, err);
    }
    *member = v;
    return 0;
}

static int set_list(ir_strv *member, const char *value, imgrel_error *err)
{
    ir_strv list = { 0 };
    if (ir_strv_split(&list, value, ',')) {
        ir_strv_free(&list);
        return ir_nomem(err);
    }
    ir_strv_free(member);
    *member = list;
    return 0;
}

static int set_choice(const struct row *r, void *member, const char *value, imgrel_error *err)
{
    char wanted[96];
    int i = choice_index(r->choices, value);
    if (i < 0) {
        snprintf(wanted, sizeof wanted, "one of %s", r->choices);
        return bad(r, value, wanted, err);
    }
    if (r->offset != AT(log_level))
        return set_text(r, member, value, err);
    *(int64_t *)member = i + IMGREL_LOG_ERROR;
    return 0;
}

static int set_row(ir_conf *conf, const struct row *r, const char *value, imgrel_error *err)
{
    void *member = (char *)conf + r->offset;
    switch (r->type) {
    case T_STRING:
    case T_PATH:
        return set_text(r, member, value, err);
    case T_INT:
    case T_DURATION:
        return set_number(r, member, value, err);
    case T_BOOL:
        return parse_bool(value, member) ? 0 : bad(r, value, "true or false", err);
    case T_LIST:
        return set_list(member, value, err);
    case T_CHOICE:
        return set_choice(r, member, value, err);
    }
    return ir_fail(err, IMGREL_EINVAL, "%s: no such type", r->name);
}

/* The default: unset for a text without one, which is not the same as "". */
static int reset_row(ir_conf *conf, const struct row *r, imgrel_error *err)
{
    char **text = (char **)(void *)((char *)conf + r->offset);
    if (*r->dflt || (r->type != T_STRING && r->type != T_PATH))
        return set_row(conf, r, r->dflt, err);
    ir_free_secret(*text);
    *text = NULL;
    return 0;
}

int ir_conf_set(ir_conf *conf, const char *key, const char *value, imgrel_error *err)
{
    const struct row *r = find(key);
    if (!r) {
        int rc = ir_fail(err, IMGREL_EINVAL, "no configuration key \"%s\"", key ? key : "");
        ir_cure(err, "the keys are in imgrel-config(5) and printed by `imgrel config`");
        return rc;
    }
    return value ? set_row(conf, r, value, err) : reset_row(conf, r, err);
}

int ir_conf_defaults(ir_conf *conf, imgrel_error *err)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        int rc = reset_row(conf, &rows[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

int ir_conf_from_env(ir_conf *conf, imgrel_error *err)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *value = getenv(rows[i].env);
        if (value && set_row(conf, &rows[i], value, err))
            return ir_error_prefix(err, "%s", rows[i].env);
    }
    return 0;
}

static char *join(const ir_strv *list)
{
    ir_buf b = IR_BUF(1 << 20);
    for (size_t i = 0; i < list->n; i++)
        ir_buf_addf(&b, "%s%s", i ? "," : "", list->v[i]);
    return ir_buf_take(&b);
}

static char *choice_text(const char *choices, int64_t index)
{
    const char *p = choices;
    for (int64_t i = 0; i < index && p; i++)
        p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL;
    return p ? ir_strndup(p, strcspn(p, "|")) : NULL;
}

char *ir_conf_get(const ir_conf *conf, const char *key)
{
    const struct row *r = find(key);
    if (!r || r->secret)
        return NULL;
    const void *member = (const char *)conf + r->offset;
    switch (r->type) {
    case T_INT:
        return ir_format("%lld", (long long)*(const int64_t *)member);
    case T_DURATION:
        return ir_format("%lldms", (long long)*(const int64_t *)member);
    case T_BOOL:
        return ir_strdup(*(const bool *)member ? "true" : "false");
    case T_LIST:
        return join(member);
    case T_CHOICE:
        if (r->offset == AT(log_level))
            return choice_text(r->choices, *(const int64_t *)member - IMGREL_LOG_ERROR);
        return ir_strdup(*(char *const *)member);
    default:
        return ir_strdup(*(char *const *)member);
    }
}

int imgrel_config_row(size_t i, imgrel_config_key *row, imgrel_error *err)
{
    if (!row || row->size < sizeof *row)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_config_key.size is not set");
    if (i >= N_ROWS)
        return ir_fail(err, IMGREL_ENOTFOUND, "the configuration table has %zu rows", N_ROWS);
    row->name = rows[i].name;
    row->type = type_names[rows[i].type];
    row->env = rows[i].env;
    row->dflt = rows[i].dflt;
    row->doc = rows[i].doc;
    row->secret = rows[i].secret;
    row->reserved = 0;
    return 0;
}
