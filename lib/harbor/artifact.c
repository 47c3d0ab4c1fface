/* artifact.c - what is in a project: repositories, artifacts and their tags, taken away. Deleting
 * an artifact takes all its tags along and leaves its repository, empty or not. */
#include "harbor/inside.h"

#include <stdlib.h>

static int delete_at(const ir_call *call, ir_harbor *h, const char *project, char *path,
                     char *object, imgrel_error *err)
{
    const ir_harbor_ask ask = {.method = "DELETE", .path = path, .object = object};
    int rc = path && object ? ir_harbor_send_delete(call, h, &ask, err) : ir_nomem(err);

    free(path);
    free(object);
    return ir_harbor_project_truth(call, h, project, rc, err);
}

static int check(const char *project, const char *repository, const char *reference,
                 imgrel_error *err)
{
    int rc = ir_harbor_name_check("project", project, err);

    if (!rc && (!repository || !*repository || *repository == '/'))
        rc = ir_fail(err, IMGREL_EINVAL, "project %s: no repository is named", project);
    if (!rc && (!reference || !*reference))
        rc = ir_fail(err, IMGREL_EINVAL, "%s/%s: no tag or digest is named", project, repository);
    return rc;
}

int ir_harbor_repository_delete(const ir_call *call, ir_harbor *h, const char *project,
                                const char *repository, imgrel_error *err)
{
    int rc = check(project, repository, "-", err);

    return rc ? rc
              : delete_at(call, h, project, ir_harbor_path(project, repository, NULL),
                          ir_format("repository %s/%s", project, repository), err);
}

int ir_harbor_artifact_delete(const ir_call *call, ir_harbor *h, const char *project,
                              const char *repository, const char *reference, imgrel_error *err)
{
    int rc = check(project, repository, reference, err);

    return rc ? rc
              : delete_at(call, h, project, ir_harbor_path(project, repository, reference),
                          ir_format("artifact %s/%s %s", project, repository, reference), err);
}

int ir_harbor_tag_delete(const ir_call *call, ir_harbor *h, const char *project,
                         const char *repository, const char *tag, imgrel_error *err)
{
    int rc = check(project, repository, tag, err);
    ir_buf path = IR_BUF(IR_URL_MAX);
    char *base = NULL;

    if (rc)
        return rc;
    base = ir_harbor_path(project, repository, tag);
    if (!base)
        return ir_nomem(err);
    ir_buf_adds(&path, base);
    ir_buf_adds(&path, "/tags/");
    ir_url_encode(&path, tag);
    free(base);
    return delete_at(call, h, project, ir_buf_take(&path),
                     ir_format("tag %s/%s:%s", project, repository, tag), err);
}
