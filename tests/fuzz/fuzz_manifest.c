/* fuzz_manifest.c - a manifest that is accepted has valid digests and sizes only, keeps its bytes,
 * and its descriptors are written and read again. */
#include "base/limits.h"
#include "fuzz.h"
#include "oci/descriptor.h"

static void check_desc(const ir_desc *d)
{
    ir_desc again = {0};
    imgrel_error err = {0};
    fuzz_check(ir_digest_valid(d->digest) && d->size >= 0 && d->media_type);
    ir_json *j = ir_desc_to_json(d);
    fuzz_check(j && !ir_desc_from_json(j, "again", &again, &err));
    fuzz_check(!strcmp(again.digest, d->digest) && again.size == d->size);
    ir_json_free(j);
    ir_desc_free(&again);
}

static void check(const ir_manifest *m)
{
    ir_platform want = {.os = "linux", .arch = "amd64"};
    char text[128];
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    for (size_t i = 0; i < m->n_layers; i++)
        check_desc(&m->layers[i]);
    if (!m->is_index)
        check_desc(&m->config);
    if (m->subject.digest)
        check_desc(&m->subject);
    const ir_desc *d = m->is_index ? ir_manifest_find(m, &want) : NULL;
    fuzz_check(!d || *ir_platform_str(&d->platform, text));
    if (m->is_index)
        ir_manifest_platforms(m, &b);
    ir_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_manifest m = {0}, same = {0};
    imgrel_error err = {0};
    if (ir_manifest_parse((const char *)data, size, NULL, NULL, &m, &err)) {
        fuzz_check(err.code && *err.message && !m.bytes);
        return 0;
    }
    fuzz_check(m.len == size && !memcmp(m.bytes, data, size));
    fuzz_check(!ir_manifest_parse(m.bytes, m.len, m.media_type, m.digest, &same, &err));
    check(&m);
    ir_manifest_free(&m);
    ir_manifest_free(&same);
    return 0;
}
