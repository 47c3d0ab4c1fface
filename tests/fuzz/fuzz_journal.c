/* fuzz_journal.c - the journal of an upload: with its digest before it or without, what is read of
 * it is an address that it holds. */
#include "base/hash.h"
#include "fuzz.h"
#include "oci/journal.h"

#define URL "https://r.example/v2/a"
#define ZERO "sha256:0000000000000000000000000000000000000000000000000000000000000000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char digest[IR_DIGEST_MAX];
    const ir_desc d = {.digest = (char *)ZERO, .size = 5000000};
    char *location = ir_journal_read((const char *)data, size, URL, &d);
    fuzz_check(!location || memmem(data, size, "location", 8));
    free(location);
    fuzz_check(!ir_hash_bytes(data, size, digest, NULL));
    size_t n = strlen(digest);
    char *text = malloc(n + 1 + size);
    fuzz_check(text);
    memcpy(text, digest, n);
    text[n] = '\n';
    if (size)
        memcpy(text + n + 1, data, size);
    location = ir_journal_read(text, n + 1 + size, URL, &d);
    fuzz_check(!location || (memmem(data, size, ZERO, n) && memmem(data, size, "location", 8)));
    free(location);
    free(text);
    return 0;
}
