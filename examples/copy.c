/* copy.c - copy SRC DST: an image from anywhere to anywhere, with progress on standard error. */
#include <imgrel/imgrel.h>
#include <stdio.h>

static int show(void *user, const imgrel_event *e)
{
    (void)user;
    if (e->kind == IMGREL_EVENT_BYTES)
        fprintf(stderr, "%.19s %s %llu/%llu\n", e->what, e->detail, (unsigned long long)e->done,
                (unsigned long long)e->total);
    return 0;
}

int main(int argc, char **argv)
{
    imgrel_error err = { 0 };
    imgrel_opts how = { IMGREL_OPTS, .progress = show };
    imgrel_client *c = NULL;
    char *digest = NULL;
    int rc;

    if (argc != 3)
        return 2;
    if ((rc = imgrel_client_new(&c, &err)) ||
        (rc = imgrel_copy(c, argv[1], argv[2], &how, &digest, &err)))
        fprintf(stderr, "%s\n%s\n", err.message, err.cure);
    else
        puts(digest);
    imgrel_free(digest);
    imgrel_client_free(c);
    return rc ? 1 : 0;
}
