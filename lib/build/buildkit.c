/* buildkit.c - BuildKit by buildctl: a daemon at an address (a socket, TCP with its own
 * certificates, a pod of a cluster), or one of our own for this build alone, rootless unless we are
 * root. */
#include "build/inside.h"

#include "base/fd.h"
#include "oci/store.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OWN "rootless" /* the builder's name where it is ours */
#define DAEMONLESS "buildctl-daemonless.sh"

/* ---- where it is ------------------------------------------------------------------------------
 */

static bool socket_answers(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return false;
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a);
    if (fd >= 0)
        close(fd);
    return ok;
}

static char *usual_socket(const char *dir)
{
    char *path = dir ? ir_format("%s/buildkit/buildkitd.sock", dir) : NULL;
    char *address = path && socket_answers(path) ? ir_format("unix://%s", path) : NULL;
    free(path);
    return address;
}

int ir_buildkit_address(const ir_call *call, const char *builder, char **ret, imgrel_error *err)
{
    const char *env = getenv("BUILDKIT_HOST");
    (void)call;
    *ret = NULL;
    if (builder && !strcmp(builder, OWN))
        return 0;
    if (builder || (env && *env)) {
        const char *at = builder ? builder : env;
        if (!strstr(at, "://"))
            return ir_fail(err, IMGREL_EINVAL,
                           "builder \"%.200s\": neither an address like "
                           "unix:///run/buildkit/buildkitd.sock nor \"" OWN "\"",
                           at);
        *ret = ir_strdup(at);
        return *ret ? 0 : ir_nomem(err);
    }
    if (!(*ret = usual_socket("/run")))
        *ret = usual_socket(getenv("XDG_RUNTIME_DIR"));
    return 0;
}

static bool is_far(const char *address)
{
    return address && !ir_starts(address, "unix://");
}

/* ---- words ---------------------------------------------------------------------------------- */

static int add_tls(const ir_job *job, ir_words *w, imgrel_error *err)
{
    static const char *const keys[][2] = {{"ca", "--tlscacert"},
                                          {"cert", "--tlscert"},
                                          {"key", "--tlskey"},
                                          {"server_name", "--tlsservername"}};
    const ir_json *tls = job->spec->tls;
    for (void *it = ir_json_first(tls); it; it = ir_json_next(tls, it)) {
        size_t i = 0;
        while (i < 4 && strcmp(keys[i][0], ir_json_key(it)))
            i++;
        if (i == 4)
            return ir_fail(err, IMGREL_EINVAL,
                           "build spec: \"tls\" has no key \"%.60s\": ca, cert, "
                           "key, server_name",
                           ir_json_key(it));
        char *path = i < 3 ? ir_path_join(job->spec->base_dir, ir_json_text(ir_json_value(it)))
                           : ir_strdup(ir_json_text(ir_json_value(it)));
        int rc = path && i < 3 && access(path, R_OK)
                     ? ir_fail(err, IMGREL_ENOTFOUND, "%s: cannot be read", path)
                     : 0;
        ir_word(w, keys[i][1]);
        ir_word(w, path);
        free(path);
        if (rc)
            return rc;
    }
    return 0;
}

/* One context under a name: a folder, an image, or the image of an OCI layout. */
static int add_context(const ir_job *job, const char *name, const char *value, size_t i,
                       ir_words *w, imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    IR_AUTO(ir_desc) d = {0};
    ir_store *store = NULL;
    char *path = NULL;
    int rc = 0;
    if (ir_starts(value, "docker-image://")) {
        ir_word(w, "--opt");
        ir_wordf(w, "context:%s=%s", name, value);
        return 0;
    }
    if (!ir_starts(value, "oci:")) {
        path = ir_path_join(job->spec->base_dir, value);
        ir_word(w, "--local");
        ir_wordf(w, "context-%zu=%s", i, path ? path : "");
        ir_word(w, "--opt");
        ir_wordf(w, "context:%s=local:context-%zu", name, i);
        free(path);
        return path ? 0 : ir_nomem(err);
    }
    rc = ir_ref_parse(value, &ref, err);
    if (!rc)
        rc = ir_store_open(job->call, &ref, IR_STORE_READ, &store, err);
    if (!rc)
        rc = ir_store_manifest_head(store, job->call, NULL, &d, err);
    if (!rc) {
        ir_word(w, "--oci-layout");
        ir_wordf(w, "layout-%zu=%s", i, ref.path);
        ir_word(w, "--opt");
        ir_wordf(w, "context:%s=oci-layout://layout-%zu@%s", name, i, d.digest);
    }
    ir_store_free(store);
    return rc;
}

static int add_contexts(const ir_job *job, ir_words *w, imgrel_error *err)
{
    const ir_json *map = job->spec->contexts;
    int rc = 0;
    size_t i = 0;
    for (void *it = ir_json_first(map); !rc && it; it = ir_json_next(map, it))
        rc = add_context(job, ir_json_key(it), ir_json_text(ir_json_value(it)), i++, w, err);
    return rc;
}

/* ---- a daemon of our own --------------------------------------------------------------------- */

static int own_daemon(const ir_job *job, ir_words *w, imgrel_error *err)
{
    const char *flags = getenv("BUILDKITD_FLAGS"), *user = getenv("USER");
    char *config = NULL, *all = NULL, text[1024];
    struct passwd pw, *found = NULL;
    int rc = ir_desk_buildkitd(job, &config, err);
    if (!rc && config && strpbrk(config, " \t"))
        rc = ir_fail(err, IMGREL_EINVAL, "TMPDIR %s: a rootless BuildKit takes no blanks in it",
                     job->dir);
    if (!rc && config) {
        all = ir_format("%s --config=%s", flags ? flags : "", config);
        ir_word_env(w, "BUILDKITD_FLAGS", all);
    }
    if (!rc && !getenv("BUILDCTL_CONNECT_RETRIES_MAX"))
        ir_word_env(w, "BUILDCTL_CONNECT_RETRIES_MAX", "40");
    /* Without these it takes itself for root's. */
    if (!rc && (!user || !*user) && !getpwuid_r(getuid(), &pw, text, sizeof text, &found) && found)
        ir_word_env(w, "USER", found->pw_name);
    if (!rc && !getenv("XDG_RUNTIME_DIR"))
        ir_word_env(w, "XDG_RUNTIME_DIR", job->dir);
    free(config);
    free(all);
    return rc;
}

/* ---- the build ------------------------------------------------------------------------------ */

static int make_words(ir_job *job, const char *address, const char *metadata, ir_words *w,
                      imgrel_error *err)
{
    int rc = 0;
    if (address) {
        ir_word(w, "buildctl");
        ir_word(w, "--addr");
        ir_word(w, address);
        rc = add_tls(job, w, err);
    } else {
        ir_word(w, DAEMONLESS);
        rc = own_daemon(job, w, err);
    }
    if (rc)
        return rc;
    ir_word(w, "build");
    ir_word(w, "--progress");
    ir_word(w, "rawjson");
    ir_word(w, "--frontend");
    ir_word(w, "dockerfile.v0");
    ir_buildkit_build_words(job, w);
    ir_buildkit_output(job, w);
    ir_word(w, "--metadata-file");
    ir_word(w, metadata);
    if (job->config)
        ir_word_env(w, "DOCKER_CONFIG", job->dir);
    return add_contexts(job, w, err);
}

static int missing(const char *address, imgrel_error *err)
{
    const char *tool = address ? "buildctl" : DAEMONLESS;
    if (ir_tool_is_here(tool))
        return 0;
    ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no such program", tool);
    return ir_cure(err, "install BuildKit (github.com/moby/buildkit), or choose another --driver");
}

/* A push by the builder needs registries; it is the default only where it saves a long way. */
static int who_pushes(ir_job *job, const char *address, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    bool local = false;
    for (size_t i = 0; i < s->n_names; i++)
        local |= s->names[i].transport != IR_REGISTRY;
    bool wanted = s->push && !strcmp(s->push, "builder");
    if (wanted && local)
        return ir_fail(err, IMGREL_EINVAL,
                       "build spec: \"push\" is \"builder\", which can write to "
                       "registries only");
    job->ret->pushed = wanted || (!s->push && is_far(address) && !local);
    return 0;
}

static int run(ir_job *job, imgrel_error *err)
{
    ir_words w = {0};
    char *address = NULL, *metadata = NULL;
    int status = 0;
    int rc = ir_buildkit_address(job->call, job->spec->builder, &address, err);
    if (!rc)
        rc = missing(address, err);
    if (!rc)
        rc = who_pushes(job, address, err);
    if (!rc && (!(metadata = ir_desk_path(job, "metadata.json")) ||
                !(job->ret->builder = ir_strdup(address ? address : OWN))))
        rc = ir_nomem(err);
    if (!rc)
        rc = make_words(job, address, metadata, &w, err);
    if (!rc)
        rc = ir_tool_run(job, &w, NULL, &status, err);
    if (!rc && status)
        rc = ir_build_explain(job, "buildkit", status, job->progress.error, err);
    if (!rc && job->ret->pushed)
        rc = ir_buildkit_metadata(job, metadata, err);
    ir_words_free(&w);
    free(address);
    free(metadata);
    return rc;
}

/* ---- probe ---------------------------------------------------------------------------------- */

static int version(const ir_call *call, ir_json *row, imgrel_error *err)
{
    ir_words w = {0};
    char *line = NULL;
    ir_word(&w, "buildctl");
    ir_word(&w, "--version");
    int rc = ir_tool_ask(call, &w, &line, err);
    if (!rc && line)
        rc = ir_json_puts(row, "version", line) ? ir_nomem(err) : 0;
    ir_words_free(&w);
    free(line);
    return rc;
}

/* Whether a daemon answers there. */
static int ask_workers(const ir_call *call, const char *address, bool *ret, imgrel_error *err)
{
    ir_words w = {0};
    char *line = NULL;
    ir_word(&w, "buildctl");
    ir_word(&w, "--addr");
    ir_word(&w, address);
    ir_word(&w, "debug");
    ir_word(&w, "workers");
    int rc = ir_tool_ask(call, &w, &line, err);
    *ret = line != NULL;
    ir_words_free(&w);
    free(line);
    return rc;
}

static int probe(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    char *address = NULL;
    const char *why = NULL, *cure = NULL;
    bool ok = false;
    int rc = ir_buildkit_address(call, builder, &address, err);
    if (!rc && !ir_tool_is_here("buildctl")) {
        why = "buildctl is not installed";
        cure = "install BuildKit, https://github.com/moby/buildkit/releases";
    } else if (!rc && address) {
        rc = ask_workers(call, address, &ok, err);
        why = ok ? NULL : "no daemon answers there";
        cure = "start buildkitd, or name another address";
    } else if (!rc) {
        ok = ir_tool_is_here(DAEMONLESS) && ir_tool_is_here("buildkitd") &&
             (getuid() == 0 || ir_tool_is_here("rootlesskit"));
        why = ok ? NULL
                 : "no daemon runs, and buildkitd, rootlesskit and " DAEMONLESS
                   " are not all installed";
        cure = "start buildkitd, or install all of BuildKit";
    }
    if (!rc && !why)
        rc = version(call, row, err);
    if (!rc && (ir_json_put(row, "available", ir_json_new_bool(ok)) ||
                ir_json_puts(row, "builder",
                             address ? address
                             : ok    ? OWN
                                     : NULL) ||
                ir_json_puts(row, "why", why) || ir_json_puts(row, "cure", why ? cure : NULL)))
        rc = ir_nomem(err);
    free(address);
    return rc;
}

const ir_driver ir_driver_buildkit = {"buildkit", probe, run};
