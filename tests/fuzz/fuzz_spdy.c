/* fuzz_spdy.c - whatever comes by a port-forward's connection: WebSocket frames, then SPDY ones; in
 * one piece and byte by byte it is the same. */
#include "fuzz.h"
#include "net/spdy.h"
#include "net/ws.h"

/* What came out, as one number, and how it ended. */
static uint64_t run_spdy(const uint8_t *data, size_t size, size_t step, int *ret_rc)
{
    ir_spdy *s = NULL;
    ir_spdy_event e;
    uint64_t sum = 1469598103u;
    *ret_rc = ir_spdy_new(data[0] & 1, &s, NULL);
    for (size_t i = 1; i < size && !*ret_rc; i += step) {
        ir_spdy_feed(s, data + i, size - i < step ? size - i : step);
        while ((*ret_rc = ir_spdy_next(s, &e, NULL)) == 1) {
            char *port = ir_spdy_header(&e, "port");
            fuzz_check(!port || !strpbrk(port, "\n"));
            if (e.type == IR_SPDY_DATA)
                for (size_t j = 0; j < e.len; j++)
                    sum = (sum ^ (uint8_t)e.p[j]) * 16777619u;
            else
                sum = (sum ^ (uint64_t)(e.type + e.stream + e.status)) * 16777619u;
            free(port);
        }
    }
    ir_spdy_free(s);
    return sum;
}

static uint64_t run_ws(const uint8_t *data, size_t size, size_t step, int *ret_rc)
{
    ir_ws_reader r = {.server = data[0] & 1, .max = 4096};
    uint64_t sum = 1469598103u;
    *ret_rc = 0;
    for (size_t i = 1; i < size && !*ret_rc; i += step) {
        const char *p = NULL;
        size_t len = 0;
        int opcode = 0;
        ir_ws_feed(&r, data + i, size - i < step ? size - i : step);
        while ((*ret_rc = ir_ws_next(&r, &opcode, &p, &len, NULL)) == 1) {
            fuzz_check(len <= 4096);
            sum = (sum ^ (uint64_t)opcode) * 16777619u;
            for (size_t j = 0; j < len; j++)
                sum = (sum ^ (uint8_t)p[j]) * 16777619u;
        }
    }
    ir_ws_reader_free(&r);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int whole = 0, bytes = 0;
    if (!size || size > 65536)
        return 0;
    uint64_t a = run_spdy(data, size, size, &whole), b = run_spdy(data, size, 1, &bytes);
    fuzz_check(whole == bytes && (whole || a == b));
    a = run_ws(data, size, size, &whole);
    b = run_ws(data, size, 1, &bytes);
    fuzz_check(whole == bytes && a == b);
    return 0;
}
