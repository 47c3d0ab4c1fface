/* login.c - logins that are checked before they are kept. */
#include <imgrel/registry.h>

#include "api/api.h"
#include "fmt/ref.h"
#include "net/creds.h"
#include "net/http.h"

#include <stdlib.h>

/* GET /v2/ with this login and no other (distribution-spec "Determining Support"). */
static int check_login(const ir_call *call, const char *host, const char *user, const char *secret,
                       imgrel_error *err)
{
    const ir_login login = {.host = host, .user = user, .secret = secret};
    const ir_auth auth = {.kind = IR_AUTH_REGISTRY, .host = host};
    ir_call own = *call;
    ir_reply reply = {0};
    char *base = NULL, *url = NULL;
    own.logins = &login;
    own.n_logins = 1;
    int rc = ir_host_url(&own, host, &base, err);
    if (rc < 0)
        return rc;
    url = ir_format("%s/v2/", base);
    const ir_request req = {.url = url, .auth = &auth};
    rc = url ? ir_http_do(&own, &req, &reply, err) : ir_nomem(err);
    if (!rc && reply.status == 401) {
        rc = ir_reply_fail(&req, &reply, NULL, err, "%s refuses this user and secret", host);
        if (err)
            err->cure[0] = '\0'; /* "log in" is no advice here */
        ir_cure(err, "check both; for a robot account its full name is needed (robot$...)");
    } else if (!rc && reply.status == 404) {
        rc = ir_reply_fail(&req, &reply, NULL, err, "%s is no registry: it has no /v2/", host);
    } else if (!rc && reply.status != 200) {
        rc = ir_reply_fail(&req, &reply, NULL, err, "%s: the login could not be checked", host);
    }
    free(base);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

int imgrel_login(imgrel_client *c, const char *host, const char *user, const char *secret,
                 const imgrel_opts *o, imgrel_error *err)
{
    ir_call call;
    if (!host || !user || !secret || !*user)
        return ir_fail(err, IMGREL_EINVAL, "a login needs a host, a user and a secret");
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_host_check(host, err);
    if (!rc)
        rc = check_login(&call, host, user, secret, err);
    if (!rc && !IR_DRY_RUN(&call))
        rc = ir_creds_store(&call, host, user, secret, err);
    return rc;
}

int imgrel_logout(imgrel_client *c, const char *host, imgrel_error *err)
{
    ir_call call;
    if (!host)
        return ir_fail(err, IMGREL_EINVAL, "the host is NULL");
    int rc = ir_api_call(c, NULL, &call, err);
    if (!rc)
        rc = ir_host_check(host, err);
    return rc ? rc : ir_creds_store(&call, host, NULL, NULL, err);
}
