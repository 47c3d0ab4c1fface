/* fuzz_hosts.c - registries.conf and hosts.toml: what is taken has places, and names find it. */
#include "fmt/hosts_toml.h"
#include "fmt/registries.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_registries all = {0};
    ir_hosts_file hosts = {0};
    imgrel_error err = {0};
    size_t len = 0;
    if (!ir_registries_parse((const char *)data, size, "r.conf", &all, &err)) {
        for (size_t i = 0; i < all.n; i++) {
            const ir_registry_conf *r = &all.v[i];
            fuzz_check(r->prefix && (r->location || r->prefix[0] == '*'));
            for (size_t k = 0; k < r->n_mirrors; k++)
                fuzz_check(r->mirrors[k].location);
        }
        const char name[] = "a.example.com/b/c:v1";
        fuzz_check(!ir_registries_find(&all, name, &len) || (len && len <= sizeof name - 1));
    }
    ir_registries_free(&all);
    memset(&err, 0, sizeof err);
    if (!ir_hosts_toml_parse((const char *)data, size, "hosts.toml", &hosts, &err))
        for (size_t i = 0; i < hosts.n; i++)
            fuzz_check(hosts.v[i].url && strstr(hosts.v[i].url, "://"));
    else
        fuzz_check(err.code && !hosts.v);
    ir_hosts_file_free(&hosts);
    return 0;
}
