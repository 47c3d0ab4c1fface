/* merge.c - what the files of a node should hold: a registry put into what is there, or taken out
 * of it. What others wrote stays. */
#include "node/node.h"

#include <stdlib.h>

/* An object's member that is to be an object; made when it is absent. */
static int member(ir_json *j, const char *key, bool make, ir_json **ret, imgrel_error *err)
{
    *ret = ir_json_get(j, key);
    if (!*ret && make) {
        if (ir_json_put(j, key, ir_json_new_object()))
            return ir_nomem(err);
        *ret = ir_json_get(j, key);
    }
    if (*ret && !ir_json_is_object(*ret))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is not a table", key);
    return 0;
}

static bool list_has(const ir_json *list, const char *s)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_text(ir_json_at(list, i)), s))
            return true;
    return false;
}

/* Takes s out of a list, and the list away when nothing is left. */
static void list_drop(ir_json *j, const char *key, const char *s)
{
    ir_json *list = ir_json_get(j, key);
    for (size_t i = ir_json_is_array(list) ? ir_json_len(list) : 0; i > 0; i--)
        if (ir_streq(ir_json_text(ir_json_at(list, i - 1)), s))
            ir_json_remove_at(list, i - 1);
    if (ir_json_is_array(list) && !ir_json_len(list))
        ir_json_remove(j, key);
}

static void drop_empty(ir_json *j, const char *key)
{
    if (ir_json_is_object(ir_json_get(j, key)) && !ir_json_len(ir_json_get(j, key)))
        ir_json_remove(j, key);
}

/* ---- hosts.toml ------------------------------------------------------------------------------ */

/* An entry that can pull and resolve; what it could besides stays. */
static ir_json *capable(const ir_json *old)
{
    ir_json *entry = ir_json_is_object(old) ? ir_json_copy(old) : ir_json_new_object();
    ir_json *can = ir_json_get(entry, "capabilities");
    if (!ir_json_is_array(can)) {
        ir_json_put(entry, "capabilities", ir_json_new_array());
        can = ir_json_get(entry, "capabilities");
    }
    int bad = !list_has(can, "pull") ? ir_json_append(can, ir_json_new_string("pull")) : 0;
    if (!list_has(can, "resolve"))
        bad |= ir_json_append(can, ir_json_new_string("resolve"));
    if (!bad)
        return entry;
    ir_json_free(entry);
    return NULL;
}

static ir_json *own_entry(const ir_node *n, const ir_json *old)
{
    ir_json *entry = capable(old);
    bool plain = ir_node_plain(n->url);
    /* on plain HTTP containerd 2 would try TLS first */
    if (plain || !n->insecure)
        ir_json_remove(entry, "skip_verify");
    else if (ir_json_put(entry, "skip_verify", ir_json_new_bool(true)))
        goto out;
    if (!n->ca || plain || !ir_json_puts(entry, "ca", "ca.crt"))
        return entry;
out:
    ir_json_free(entry);
    return NULL;
}

/* Mirrors first, in the order that was asked for; then what others wrote; then the registry. */
static ir_json *order_hosts(const ir_node *n, const ir_json *old)
{
    ir_json *hosts = ir_json_new_object();
    int bad = hosts ? 0 : IMGREL_ENOMEM;
    for (size_t i = 0; !bad && i < ir_json_len(n->mirrors); i++) {
        const char *url = ir_json_text(ir_json_at(n->mirrors, i));
        bad = ir_json_put(hosts, url, capable(ir_json_get(old, url)));
    }
    for (void *it = ir_json_first(old); !bad && it; it = ir_json_next(old, it))
        if (!list_has(n->mirrors, ir_json_key(it)) && strcmp(ir_json_key(it), n->url))
            bad = ir_json_put(hosts, ir_json_key(it), ir_json_copy(ir_json_value(it)));
    if (!bad)
        bad = ir_json_put(hosts, n->url, own_entry(n, ir_json_get(old, n->url)));
    if (!bad)
        return hosts;
    ir_json_free(hosts);
    return NULL;
}

int ir_node_merge_hosts(const ir_node *n, ir_json *j, imgrel_error *err)
{
    ir_json *hosts = NULL;
    int rc = member(j, "host", false, &hosts, err);
    if (rc)
        return rc;
    if (n->remove) {
        ir_json_remove(hosts, n->url);
        for (size_t i = 0; i < ir_json_len(n->mirrors); i++)
            ir_json_remove(hosts, ir_json_text(ir_json_at(n->mirrors, i)));
        if (ir_streq(ir_json_str(j, "server"), n->url))
            ir_json_remove(j, "server");
        drop_empty(j, "host");
        return 0;
    }
    if (ir_json_puts(j, "server", n->url) || ir_json_put(j, "host", order_hosts(n, hosts)))
        return ir_nomem(err);
    return 0;
}

/* ---- registries.conf ------------------------------------------------------------------------- */

static const char *authority(const char *url)
{
    return strstr(url, "://") + 3;
}

static ir_json *new_registry(const ir_node *n)
{
    bool insecure = ir_node_plain(n->url) || n->insecure;
    bool elsewhere = strcmp(authority(n->url), n->host) != 0;
    ir_json *entry = ir_json_new_object();
    int bad = ir_json_puts(entry, "prefix", n->host) |
              ir_json_puts(entry, "location", elsewhere ? authority(n->url) : n->host);
    if (insecure)
        bad |= ir_json_put(entry, "insecure", ir_json_new_bool(true));
    if (ir_json_len(n->mirrors))
        bad |= ir_json_put(entry, "mirror", ir_json_new_array());
    for (size_t i = 0; !bad && i < ir_json_len(n->mirrors); i++) {
        const char *url = ir_json_text(ir_json_at(n->mirrors, i));
        ir_json *m = ir_json_pack("{s:s}", "location", strstr(url, "://") ? authority(url) : url);
        if (ir_node_plain(url))
            bad |= ir_json_put(m, "insecure", ir_json_new_bool(true));
        bad |= ir_json_append(ir_json_get(entry, "mirror"), m);
    }
    if (!bad)
        return entry;
    ir_json_free(entry);
    return NULL;
}

static bool is_ours(const ir_node *n, const ir_json *entry)
{
    const char *prefix = ir_json_str(entry, "prefix");
    return ir_streq(prefix ? prefix : ir_json_str(entry, "location"), n->host);
}

int ir_node_merge_registries(const ir_node *n, ir_json *j, imgrel_error *err)
{
    ir_json *list = ir_json_get(j, "registry");
    if (list && !ir_json_is_array(list))
        return ir_fail(err, IMGREL_EINVAL, "\"registry\" is not a list of tables");
    for (size_t i = ir_json_len(list); i > 0; i--)
        if (is_ours(n, ir_json_at(list, i - 1)))
            ir_json_remove_at(list, i - 1);
    if (n->remove) {
        if (list && !ir_json_len(list))
            ir_json_remove(j, "registry");
        return 0;
    }
    if (!list && ir_json_put(j, "registry", ir_json_new_array()))
        return ir_nomem(err);
    return ir_json_append(ir_json_get(j, "registry"), new_registry(n)) ? ir_nomem(err) : 0;
}

/* ---- daemon.json ----------------------------------------------------------------------------- */

int ir_node_merge_docker(const ir_node *n, ir_json *j, imgrel_error *err)
{
    static const char key[] = "insecure-registries";
    ir_json *list = ir_json_get(j, key);
    if (list && !ir_json_is_array(list))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is not a list", key);
    if (n->remove || (!ir_node_plain(n->url) && !n->insecure)) {
        list_drop(j, key, n->host);
        return 0;
    }
    if (list_has(list, n->host))
        return 0;
    if (!list && ir_json_put(j, key, ir_json_new_array()))
        return ir_nomem(err);
    return ir_json_append(ir_json_get(j, key), ir_json_new_string(n->host)) ? ir_nomem(err) : 0;
}

/* ---- k3s's registries.yaml ------------------------------------------------------------------- */

static int k3s_config(const ir_node *n, ir_json *config, imgrel_error *err)
{
    ir_json *tls = NULL;
    int bad = 0;
    if (n->user)
        bad |=
            ir_json_put(config, "auth",
                        ir_json_pack("{s:s, s:s}", "username", n->user, "password", n->password));
    if (!bad && !ir_node_plain(n->url) && (n->ca || n->insecure)) {
        int rc = member(config, "tls", true, &tls, err);
        if (rc)
            return rc;
        char *ca = ir_format("/etc/rancher/k3s/%s.crt", n->host);
        if (n->ca)
            bad |= ca ? ir_json_puts(tls, "ca_file", ca) : IMGREL_ENOMEM;
        if (n->insecure)
            bad |= ir_json_put(tls, "insecure_skip_verify", ir_json_new_bool(true));
        free(ca);
    }
    return bad ? ir_nomem(err) : 0;
}

static ir_json *k3s_endpoints(const ir_node *n)
{
    ir_json *list = ir_json_new_array();
    int bad = 0;
    for (size_t i = 0; i < ir_json_len(n->mirrors); i++)
        bad |= ir_json_append(list, ir_json_ref(ir_json_at(n->mirrors, i)));
    bad |= ir_json_append(list, ir_json_new_string(n->url));
    ir_json *entry = bad ? NULL : ir_json_pack("{s:O}", "endpoint", list);
    ir_json_free(list);
    return entry;
}

int ir_node_merge_k3s(const ir_node *n, ir_json *j, imgrel_error *err)
{
    ir_json *mirrors = NULL, *configs = NULL, *config = NULL;
    const char *host = authority(n->url);
    int rc = member(j, "mirrors", !n->remove, &mirrors, err);
    if (!rc)
        rc = member(j, "configs", !n->remove, &configs, err);
    if (rc)
        return rc;
    if (n->remove) {
        ir_json_remove(mirrors, n->host);
        ir_json_remove(configs, host);
    } else {
        if (ir_json_put(mirrors, n->host, k3s_endpoints(n)))
            return ir_nomem(err);
        rc = member(configs, host, true, &config, err);
        if (!rc)
            rc = k3s_config(n, config, err);
        drop_empty(configs, host);
    }
    drop_empty(j, "mirrors");
    drop_empty(j, "configs");
    return rc;
}
