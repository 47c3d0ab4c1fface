/* release_report.c - rows of a report. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

static char *formatted(const char *fmt, va_list ap)
{
    ir_buf b = IR_BUF(4096);
    ir_buf_addv(&b, fmt, ap);
    return ir_buf_take(&b);
}

void ir_rel_say(ir_rel_row *row, const char *state, const char *fmt, ...)
{
    va_list ap;
    free(row->detail);
    va_start(ap, fmt);
    row->detail = formatted(fmt, ap);
    va_end(ap);
    row->state = state;
}

void ir_rel_say_change(ir_rel_row *row, bool dry, const char *change, const char *what)
{
    bool same = ir_streq(change, "unchanged");
    const char *state = same                          ? "unchanged"
                        : dry                         ? "would"
                        : ir_streq(change, "created") ? "done"
                                                      : "changed";
    ir_rel_say(row, state, "%s%s%s", what, same ? "" : " ", same ? "" : change);
}

void ir_rel_row_free(ir_rel_row *row)
{
    free(row->detail);
    free(row->cure);
    *row = (ir_rel_row){0};
}
