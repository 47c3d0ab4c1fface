/* mock.c - a Harbor for a test, in three lines: started on a free port, asked, stopped. */
#include <imgrel/imgrel.h>
#include <imgrel/mock.h>
#include <stdio.h>

int main(void)
{
    imgrel_error err = { 0 };
    imgrel_mock *m = NULL;
    imgrel_client *c = NULL;
    imgrel_harbor *h = NULL;
    char *project = NULL;
    int rc;

    if ((rc = imgrel_mock_start(NULL, &m, &err)) || (rc = imgrel_client_new(&c, &err)) ||
        (rc = imgrel_harbor_new(c, imgrel_mock_get(m, "url"), "admin",
                                imgrel_mock_get(m, "admin_password"), &h, &err)) ||
        (rc = imgrel_harbor_project_ensure(h, "team", 1, NULL, &project, &err)))
        fprintf(stderr, "%s\n%s\n", err.message, err.cure);
    else
        puts(project);
    imgrel_free(project);
    imgrel_harbor_free(h);
    imgrel_client_free(c);
    imgrel_mock_stop(m);
    return rc ? 1 : 0;
}
