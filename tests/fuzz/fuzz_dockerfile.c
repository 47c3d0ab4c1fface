/* fuzz_dockerfile.c - Dockerfiles and .dockerignore: what parses has words, and can be asked for
 * its images. */
#include "build/dockerfile.h"
#include "build/ignore.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_dockerfile d;
    ir_ignore g;
    ir_strv images = {0};
    imgrel_error err = {0};
    if (!ir_dockerfile_parse((const char *)data, size, "Dockerfile", &d, &err)) {
        for (size_t i = 0; i < d.n; i++)
            fuzz_check(d.v[i].line > 0 && *d.v[i].word);
        fuzz_check(!ir_dockerfile_images(&d, NULL, &images, &err) || err.code == IMGREL_ELIMIT);
        ir_strv_free(&images);
        ir_dockerfile_free(&d);
    }
    err = (imgrel_error){0};
    if (!ir_ignore_parse((const char *)data, size, &g, &err)) {
        for (size_t i = 0; i < g.patterns.n && i < 20; i++)
            (void)ir_ignore_has(&g, g.patterns.v[i]);
        ir_ignore_free(&g);
    }
    return 0;
}
