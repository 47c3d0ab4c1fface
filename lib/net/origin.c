/* origin.c - what may go where. The rules are those whose absence became advisories elsewhere:
 * tokens kept over a change of port, realms at metadata addresses, downgrades to http. */
#include "net/origin.h"
#include "base/str.h"

static int check_realm(const ir_url *home, const ir_url *to, imgrel_error *err)
{
    if (ir_streq(home->host, to->host) || !ir_url_is_local(to) || ir_url_is_local(home))
        return 0;
    return ir_fail(err, IMGREL_EPROTO,
                   "%s: wants its token fetched from the local address %s; refused", home->host,
                   to->host);
}

int ir_origin_grant(const ir_url *home, const ir_url *to, enum ir_step step, ir_grant *ret,
                    imgrel_error *err)
{
    *ret = (ir_grant){false};
    if (ir_url_same_origin(home, to)) {
        *ret = (ir_grant){true, true, true};
        return 0;
    }
    bool tls = ir_streq(to->scheme, "https");
    if (ir_streq(home->scheme, "https") && !tls)
        return ir_fail(err, IMGREL_EPROTO, "%s: sends us on from https to http://%s; refused",
                       home->host, to->host);
    if (step == IR_STEP_REDIRECT)
        return 0;
    int rc = check_realm(home, to, err);
    if (rc || step == IR_STEP_REALM_REDIRECT)
        return rc;
    bool same_host = ir_streq(home->host, to->host);
    bool both_local = ir_url_is_local(home) && ir_url_is_local(to);
    ret->credentials = tls || same_host || both_local;
    ret->client_cert = same_host && tls;
    return 0;
}
