/* secure.c - logs in with a password, lists repositories with the token that it gets, frees
 * everything, says so, and waits to be looked at: secure plain|wiped HOST USER, the password on
 * standard input's first line. Run by tests/server/secure.test. */
#include <imgrel/imgrel.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int tell(const imgrel_error *err)
{
    fprintf(stderr, "%s: %s\n", imgrel_code_name(err->code), err->message);
    return 1;
}

static int read_line(char *buf, size_t size)
{
    size_t n = 0;
    while (n + 1 < size && read(0, buf + n, 1) == 1 && buf[n] != '\n')
        n++;
    buf[n] = 0;
    return n > 0;
}

static int set_up(imgrel_client *c, char **argv, imgrel_error *err)
{
    char password[200];
    read_line(password, sizeof password);
    int rc = imgrel_client_set(c, "registry_password", password, err);
    explicit_bzero(password, sizeof password);
    if (!rc)
        rc = imgrel_client_set(c, "plain_http", argv[2], err);
    if (!rc)
        rc = imgrel_client_set(c, "registry_hosts", argv[2], err);
    return rc ? rc : imgrel_client_set(c, "registry_user", argv[3], err);
}

static int list(imgrel_client *c, const char *host, imgrel_error *err)
{
    imgrel_iter *it = NULL;
    const char *name;
    int n = 0, rc = imgrel_catalog(c, host, NULL, &it, err);
    while (!rc && (rc = imgrel_iter_next(it, &name, err)) > 0)
        n++, rc = 0;
    imgrel_iter_free(it);
    printf("%d repositories\n", n);
    return rc;
}

int main(int argc, char **argv)
{
    imgrel_error err = {0};
    imgrel_client *c = NULL;
    char line[2];
    if (argc != 4)
        return 2;
    if (!strcmp(argv[1], "wiped") && imgrel_secure_init(&err))
        return tell(&err);
    int rc = imgrel_client_new(&c, &err);
    if (!rc)
        rc = set_up(c, argv, &err);
    if (!rc)
        rc = list(c, argv[2], &err);
    imgrel_client_free(c);
    if (rc)
        return tell(&err);
    imgrel_error late = {0}; /* once more is fine; after others it is too late, and says so */
    printf("%s\n", imgrel_code_name(imgrel_secure_init(&late)));
    printf("freed\n");
    fflush(stdout);
    read_line(line, sizeof line);
    return 0;
}
