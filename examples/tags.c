/* tags.c - tags REPOSITORY: a list that is fetched page by page. */
#include <imgrel/imgrel.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    imgrel_error err = { 0 };
    imgrel_client *c = NULL;
    imgrel_iter *it = NULL;
    const char *tag = NULL;
    int rc;

    if (argc != 2)
        return 2;
    if (!(rc = imgrel_client_new(&c, &err)) && !(rc = imgrel_tags(c, argv[1], NULL, &it, &err)))
        while ((rc = imgrel_iter_next(it, &tag, &err)) == 1)
            puts(tag);
    if (rc)
        fprintf(stderr, "%s\n%s\n", err.message, err.cure);
    imgrel_iter_free(it);
    imgrel_client_free(c);
    return rc ? 1 : 0;
}
