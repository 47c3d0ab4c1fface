/* fuzz_release.c - a release file that is taken has what every step leans on. */
#include "base/str.h"
#include "fuzz.h"
#include "run/release_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_release *r = NULL;
    imgrel_error err = {0};
    if (ir_release_parse((const char *)data, size, "f.yaml", NULL, &r, &err)) {
        fuzz_check(err.code && err.message[0] && !r);
        return 0;
    }
    const ir_rel_file *f = &r->file;
    fuzz_check(f->app && f->project && f->n_registries > 0 && r->push && r->pull && f->image);
    for (size_t i = 0; i < f->n_registries; i++)
        fuzz_check(!ir_host_check(f->registries[i].host, NULL));
    for (size_t i = 0; i < f->n_clusters; i++)
        fuzz_check(f->clusters[i].registry_at < f->n_registries);
    fuzz_check(!f->service_port || f->pod_port);
    fuzz_check(!ir_rel_version(r) || ir_rel_version_ok(ir_rel_version(r)));
    ir_release_free(r);
    return 0;
}
