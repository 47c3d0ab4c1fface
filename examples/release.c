/* release.c - release FILE: the whole road in one call, ended by Ctrl-C. Harbor's login and the
 * kubeconfig come from the environment as with `imgrel release apply`. */
#include <imgrel/imgrel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static imgrel_cancel *token;

static void stop(int sig)
{
    (void)sig;
    imgrel_cancel_fire(token);
}

int main(int argc, char **argv)
{
    imgrel_error err = { 0 };
    imgrel_client *c = NULL;
    imgrel_release *r = NULL;
    char *report = NULL;
    int rc;

    if (argc != 2)
        return 2;
    if ((rc = imgrel_cancel_new(&token, &err)) || (rc = imgrel_client_new(&c, &err)) ||
        (rc = imgrel_release_load(c, argv[1], &r, &err)) ||
        (rc = imgrel_release_set(r, "harbor_url", getenv("HARBOR_URL"), &err)) ||
        (rc = imgrel_release_set(r, "harbor_user", getenv("HARBOR_USER"), &err)) ||
        (rc = imgrel_release_set(r, "harbor_password", getenv("HARBOR_PASSWORD"), &err)))
        goto out;
    signal(SIGINT, stop);
    imgrel_opts how = { IMGREL_OPTS, .cancel = token };
    rc = imgrel_release_apply(r, &how, &report, &err);
    if (report)
        puts(report);
out:
    if (rc)
        fprintf(stderr, "%s\n%s\n", err.message, err.cure);
    imgrel_free(report);
    imgrel_release_free(r);
    imgrel_client_free(c);
    imgrel_cancel_free(token);
    return rc ? 1 : 0;
}
