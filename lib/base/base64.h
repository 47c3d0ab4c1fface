/* base64.h - RFC 4648; decoding takes padded and unpadded input and nothing else. */
#ifndef IR_BASE_BASE64_H
#define IR_BASE_BASE64_H

#include "base/buf.h"

void ir_base64_add(ir_buf *out, const void *p, size_t len);     /* standard alphabet, padded */
void ir_base64url_add(ir_buf *out, const void *p, size_t len);  /* URL alphabet, unpadded */
/* false: not base64 (out is then as it was). Both alphabets are not mixed: standard only. */
bool ir_must_use ir_base64_decode(const char *s, size_t len, ir_buf *out);

#endif
