/* explain.c - the failures of builders told: every one of them ends with the same exit status or
 * with one that says nothing, so the last line that it printed is looked up. */
#include "build/inside.h"

typedef struct row {
    const char *text, *and; /* what it holds; and: this as well, NULL: nothing else */
    int code;
    const char *cure;
} row;

#define LOGIN "log in: imgrel login HOST (what the client has is given to the builder)"
#define REACH                                                                            \
    "say how the registry is reached: --plain-http HOST; a daemon of its own needs the " \
    "same in its buildkitd.toml or registries.conf"

/* The first that fits. */
static const row rows[] = {
    {"exec format error", NULL, IMGREL_EUNSUPPORTED,
     "this platform's programs do not run here: build in a stage FROM --platform=$BUILDPLATFORM, "
     "or "
     "have qemu-user-static registered with binfmt_misc"},
    {"did not complete successfully", NULL, IMGREL_EFAILED, "read its log above"},
    {"returned a non-zero code", NULL, IMGREL_EFAILED, "read its log above"},
    {"building at STEP \"RUN", NULL, IMGREL_EFAILED, "read its log above"},
    {"while running runtime", NULL, IMGREL_EFAILED, "read its log above"},
    {"dockerfile parse error", NULL, IMGREL_EINVAL, "mend that line of the Dockerfile"},
    {"Unknown instruction", NULL, IMGREL_EINVAL, "mend that line of the Dockerfile"},
    {"unknown instruction", NULL, IMGREL_EINVAL, "mend that line of the Dockerfile"},
    {"Build requires at least one", NULL, IMGREL_EINVAL, "mend the Dockerfile"},
    {"Multi-platform build is not supported", NULL, IMGREL_EUNSUPPORTED,
     "use a BuildKit builder for several platforms: --builder ADDRESS, or docker buildx create"},
    {"does not currently support exporting manifest lists", NULL, IMGREL_EUNSUPPORTED,
     "a Docker archive holds one platform: take an oci: place"},
    {"target stage", "not found", IMGREL_EINVAL, "name a stage of the Dockerfile: --target"},
    {"target stage", "could not be found", IMGREL_EINVAL,
     "name a stage of the Dockerfile: --target"},
    {"failed to parse target platform", NULL, IMGREL_EINVAL, "write it as linux/arm64"},
    {"no match for platform", NULL, IMGREL_ENOTFOUND,
     "the base image lacks that platform: leave it out, or take another base"},
    {"no image found in image index for architecture", NULL, IMGREL_ENOTFOUND,
     "the base image lacks that platform: leave it out, or take another base"},
    {"could not lock", NULL, IMGREL_ECONFLICT,
     "another rootless build of this user runs: wait for it, or give both one daemon by --builder"},
    {"resolve image config for docker-image", NULL, IMGREL_ENET,
     "the \"# syntax=\" line of the Dockerfile has the builder fetch a frontend: use the builder's "
     "own with --syntax builtin, or remove the line"},
    {"server gave HTTP response to HTTPS client", NULL, IMGREL_ENET, REACH},
    {"certificate signed by unknown authority", NULL, IMGREL_ENET,
     "give its authority: --ca-file FILE; a daemon of its own needs it in its buildkitd.toml"},
    {"failed to verify certificate", NULL, IMGREL_ENET,
     "give its authority: --ca-file FILE; a daemon of its own needs it in its buildkitd.toml"},
    {"failed to list workers", NULL, IMGREL_ENET,
     "is the builder running there? imgrel builders says what is here"},
    {"could not connect to", "trials", IMGREL_ENET,
     "the rootless builder did not start; its log is above"},
    {"Cannot connect to the Docker daemon", NULL, IMGREL_ENET,
     "is it running? its address: --builder"},
    {"permission denied while trying to connect", NULL, IMGREL_EDENIED,
     "this user may not use the Docker daemon: be in the group docker, or build rootless"},
    {"401 Unauthorized", NULL, IMGREL_EAUTH, LOGIN},
    {"unauthorized", NULL, IMGREL_EAUTH, LOGIN},
    {"invalid username/password", NULL, IMGREL_EAUTH, LOGIN},
    {"authorization failed", NULL, IMGREL_EAUTH, LOGIN},
    {"no basic auth credentials", NULL, IMGREL_EAUTH, LOGIN},
    {"403 Forbidden", NULL, IMGREL_EDENIED, "the login may not do that there"},
    {"denied: ", NULL, IMGREL_EDENIED, "the login may not do that there"},
    {"failed to fetch oauth token", NULL, IMGREL_ENET,
     "the builder must reach the address that the registry names for tokens"},
    {"failed to calculate checksum", "not found", IMGREL_ENOTFOUND,
     "it is not in the context, or .dockerignore leaves it out"},
    {"no such file or directory", "COPY", IMGREL_ENOTFOUND,
     "it is not in the context, or .dockerignore leaves it out"},
    {"no items matching glob", NULL, IMGREL_ENOTFOUND,
     "it is not in the context, or .dockerignore leaves it out"},
    {"COPY failed", NULL, IMGREL_ENOTFOUND,
     "it is not in the context, or .dockerignore leaves it out"},
    {"failed to read dockerfile", NULL, IMGREL_ENOTFOUND, "say where it is: --file"},
    {"invalid local", NULL, IMGREL_ENOTFOUND, "the context must be a folder that is there"},
    {"secret ", "not found", IMGREL_EINVAL,
     "the Dockerfile wants this secret: --secret id=NAME,..."},
    {"must be lowercase", NULL, IMGREL_EINVAL, "write the repository in lower case"},
    {"invalid reference format", NULL, IMGREL_EINVAL, "a name is HOST/REPOSITORY:TAG"},
    {"no space left on device", NULL, IMGREL_EIO, "free space where the builder keeps its data"},
    {"no such host", NULL, IMGREL_ENET, "the builder must be able to resolve the name"},
    {"server misbehaving", NULL, IMGREL_ENET, "the builder must be able to resolve the name"},
    {"Temporary failure in name resolution", NULL, IMGREL_ENET,
     "the builder must be able to resolve the name"},
    {"connection refused", NULL, IMGREL_ENET, "is it running there?"},
    {"i/o timeout", NULL, IMGREL_ENET, "the builder must be able to reach it"},
    {"failed to resolve source metadata", "not found", IMGREL_ENOTFOUND,
     "there is no such base image; push it, or mend the FROM line"},
    {"manifest unknown", NULL, IMGREL_ENOTFOUND,
     "there is no such base image; push it, or mend the FROM line"},
    {"manifest for", "not found", IMGREL_ENOTFOUND,
     "there is no such base image; push it, or mend the FROM line"},
    {"context canceled", NULL, IMGREL_EFAILED, "the builder was stopped; build again"},
    {"closing transport", NULL, IMGREL_ENET, "the builder went away; build again"},
};

static const row *find(const char *text)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(text, rows[i].text) && (!rows[i].and || strstr(text, rows[i].and)))
            return &rows[i];
    return NULL;
}

/* Prefixes that say only that it is an error. */
static const char *meat(const char *text)
{
    static const char *const shells[] = {
        "failed to solve: ", "failed to build: ", "rpc error: code = Unknown desc = "};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (ir_starts(text, shells[i])) {
            text += strlen(shells[i]);
            i = (size_t)-1;
        }
    return text;
}

int ir_build_explain(const ir_job *job, const char *tool, int status, const char *text,
                     imgrel_error *err)
{
    const ir_rawjson *p = &job->progress;
    const char *said = meat(text);
    const row *r = find(text);
    int code = r ? r->code : IMGREL_EFAILED;
    if (!*said)
        ir_fail(err, code, "%s ended with status %d and no word why", tool, status);
    else if (code == IMGREL_EFAILED && p->failed[0])
        ir_fail(err, code, "%s: %.160s: %.160s%s%.160s", tool, p->failed, said,
                p->last_log[0] ? "; its last words: " : "", p->last_log);
    else
        ir_fail(err, code, "%s: %.500s", tool, said);
    if (err && err->code == code && code == IMGREL_ENET)
        err->retryable = 1;
    ir_cure(err, "%s", r ? r->cure : "the builder's own words are above: --progress plain");
    return code;
}
