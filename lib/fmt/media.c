/* media.c - what a media type is: one table for OCI and Docker. */
#include "fmt/media.h"

#include <string.h>
#include <strings.h>

enum kind { INDEX, MANIFEST, SCHEMA1, CONFIG, LAYER, FOREIGN };

#define OCI_FOREIGN "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

static const struct {
    const char *type;
    enum kind kind;
    char compression;
} table[] = {
    {IR_MT_OCI_INDEX, INDEX, 0},
    {IR_MT_DOCKER_LIST, INDEX, 0},
    {IR_MT_OCI_MANIFEST, MANIFEST, 0},
    {IR_MT_DOCKER_MANIFEST, MANIFEST, 0},
    {IR_MT_DOCKER_SCHEMA1, SCHEMA1, 0},
    {IR_MT_DOCKER_SCHEMA1_SIGNED, SCHEMA1, 0},
    {IR_MT_OCI_CONFIG, CONFIG, 0},
    {IR_MT_DOCKER_CONFIG, CONFIG, 0},
    {IR_MT_OCI_LAYER, LAYER, 0},
    {IR_MT_OCI_LAYER_GZIP, LAYER, 'g'},
    {IR_MT_OCI_LAYER_ZSTD, LAYER, 'z'},
    {DOCKER_LAYER, LAYER, 0},
    {IR_MT_DOCKER_LAYER_GZIP, LAYER, 'g'},
    {DOCKER_LAYER ".zstd", LAYER, 'z'},
    {OCI_FOREIGN, FOREIGN, 0},
    {OCI_FOREIGN "+gzip", FOREIGN, 'g'},
    {OCI_FOREIGN "+zstd", FOREIGN, 'z'},
    {IR_MT_DOCKER_FOREIGN, FOREIGN, 'g'},
};

const char ir_media_accept_manifests[] =
    IR_MT_OCI_INDEX ", " IR_MT_OCI_MANIFEST ", " IR_MT_DOCKER_LIST ", " IR_MT_DOCKER_MANIFEST
                    ", " IR_MT_DOCKER_SCHEMA1_SIGNED ";q=0.1, " IR_MT_DOCKER_SCHEMA1 ";q=0.1";

/* The type without parameters and blanks. */
static size_t bare(const char **s)
{
    *s += strspn(*s, " \t");
    size_t len = strcspn(*s, ";");
    while (len && strchr(" \t", (*s)[len - 1]))
        len--;
    return len;
}

bool ir_media_same(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    size_t la = bare(&a), lb = bare(&b);
    return la == lb && !strncasecmp(a, b, la);
}

static int find(const char *mt)
{
    for (int i = 0; i < (int)(sizeof table / sizeof *table); i++)
        if (ir_media_same(mt, table[i].type))
            return i;
    return -1;
}

static bool is_kind(const char *mt, enum kind kind)
{
    int i = find(mt);
    return i >= 0 && table[i].kind == kind;
}

bool ir_media_is_index(const char *mt)
{
    return is_kind(mt, INDEX);
}

bool ir_media_is_manifest(const char *mt)
{
    return is_kind(mt, MANIFEST);
}

bool ir_media_is_schema1(const char *mt)
{
    return is_kind(mt, SCHEMA1);
}

bool ir_media_is_config(const char *mt)
{
    return is_kind(mt, CONFIG);
}

bool ir_media_is_layer(const char *mt)
{
    return is_kind(mt, LAYER) || is_kind(mt, FOREIGN);
}

bool ir_media_is_foreign(const char *mt)
{
    return is_kind(mt, FOREIGN);
}

char ir_media_compression(const char *mt)
{
    int i = find(mt);
    return i < 0 ? 0 : table[i].compression;
}

const char *ir_media_convert(const char *mt, char format)
{
    static const struct {
        const char *oci, *docker; /* NULL: has none */
    } pairs[] = {
        {IR_MT_OCI_INDEX, IR_MT_DOCKER_LIST},
        {IR_MT_OCI_MANIFEST, IR_MT_DOCKER_MANIFEST},
        {IR_MT_OCI_CONFIG, IR_MT_DOCKER_CONFIG},
        {IR_MT_OCI_LAYER, DOCKER_LAYER},
        {IR_MT_OCI_LAYER_GZIP, IR_MT_DOCKER_LAYER_GZIP},
        {OCI_FOREIGN "+gzip", IR_MT_DOCKER_FOREIGN},
    };
    if (format == 'o' && ir_media_same(mt, DOCKER_LAYER ".zstd"))
        return IR_MT_OCI_LAYER_ZSTD;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (ir_media_same(mt, pairs[i].oci) || ir_media_same(mt, pairs[i].docker))
            return format == 'o' ? pairs[i].oci : pairs[i].docker;
    return format == 'o' ? mt : NULL;
}
