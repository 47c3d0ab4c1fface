/* ci.c - a .gitlab-ci.yml that builds an image with rootless BuildKit and pushes it. What goes
 * wrong when such a job is written by hand is taken care of: the login is a file that is copied, or
 * is encoded without a line break and without a quote of the shell in it; every word from the
 * release file is quoted; both tags go in one output; a registry without TLS, or with a CA of its
 * own, is told to the builder for what it pulls and caches too; and that a push happened is proved
 * by a digest, since exit code 0 proves nothing. */
#include "gitlab/inside.h"

#include "fmt/yaml.h"

#include <stdlib.h>

#define BUILDER "moby/buildkit:rootless"
#define PATTERN "^\\d+\\.\\d+\\.\\d+$"
#define SCRIPT_MAX (1 * IR_MIB)

/* One word of a shell: 'it'"'"'s'. */
static void add_word(ir_buf *b, const char *s)
{
    ir_buf_addc(b, '\'');
    for (; *s; s++)
        if (*s == '\'')
            ir_buf_adds(b, "'\"'\"'");
        else
            ir_buf_addc(b, *s);
    ir_buf_addc(b, '\'');
}

static void add_option(ir_buf *b, const char *option, const char *name, const char *value)
{
    ir_buf_addf(b, "  %s ", option);
    char *pair = ir_format("%s=%s", name, value);
    add_word(b, pair ? pair : "");
    if (!pair)
        b->bad = IMGREL_ENOMEM;
    ir_buf_adds(b, " \\\n");
    free(pair);
}

/* ---- the login ---- */

static void add_missing(ir_buf *b, const char *name)
{
    ir_buf_addf(b,
                "  echo \"variable %s is not there: it is not set, or it is protected and this tag "
                "is not\" >&2\n  exit 1\n",
                name);
}

static void add_config_file(ir_buf *b, const char *name)
{
    ir_buf_addf(b, "if [ ! -s \"${%s:-}\" ]; then\n", name);
    add_missing(b, name);
    ir_buf_addf(b, "fi\ncp \"$%s\" \"$DOCKER_CONFIG/config.json\"\n", name);
}

/* The name and the secret go through printf and base64 only: no shell reads them. */
static void add_pair(ir_buf *b, const ir_gitlab_ci *ci)
{
    const char *const names[] = {ci->user_variable, ci->secret_variable};
    for (size_t i = 0; i < 2; i++) {
        ir_buf_addf(b, "if [ -z \"${%s:-}\" ]; then\n", names[i]);
        add_missing(b, names[i]);
        ir_buf_adds(b, "fi\n");
    }
    ir_buf_addf(b,
                "AUTH=$(printf '%%s:%%s' \"$%s\" \"$%s\" | base64 | tr -d '\\n')\n"
                "printf '{\"auths\":{\"%%s\":{\"auth\":\"%%s\"}}}\\n' ",
                ci->user_variable, ci->secret_variable);
    add_word(b, ci->host);
    ir_buf_adds(b, " \"$AUTH\" > \"$DOCKER_CONFIG/config.json\"\n");
}

/* ---- the builder ---- */

static void add_daemon(ir_buf *b, const ir_gitlab_ci *ci)
{
    ir_buf_adds(b, "export BUILDKITD_FLAGS=\"--oci-worker-no-process-sandbox\"\n");
    if (!ci->plain_http && !ci->ca_pem)
        return;
    if (ci->ca_pem)
        ir_buf_addf(b, "cat > \"$DOCKER_CONFIG/ca.pem\" <<'END'\n%s%sEND\n", ci->ca_pem,
                    ir_ends(ci->ca_pem, "\n") ? "" : "\n");
    ir_buf_addf(b, "cat > \"$DOCKER_CONFIG/buildkitd.toml\" <<END\n[registry.\"%s\"]\n%sEND\n",
                ci->host,
                ci->plain_http ? "  http = true\n" : "  ca = [\"$DOCKER_CONFIG/ca.pem\"]\n");
    ir_buf_adds(b, "BUILDKITD_FLAGS=\"$BUILDKITD_FLAGS --config $DOCKER_CONFIG/buildkitd.toml\"\n");
}

static void add_platforms(ir_buf *b, const ir_json *platforms)
{
    IR_AUTO(ir_buf) list = IR_BUF(4096);
    for (size_t i = 0; i < ir_json_len(platforms); i++)
        ir_buf_addf(&list, "%s%s", i ? "," : "", ir_json_text(ir_json_at(platforms, i)));
    if (list.bad)
        b->bad = list.bad;
    else if (list.len)
        add_option(b, "--opt", "platform", ir_buf_str(&list));
}

static void add_build(ir_buf *b, const ir_gitlab_ci *ci)
{
    const char *file = ci->dockerfile, *slash = file ? strrchr(file, '/') : NULL;
    const char *context = ci->context ? ci->context : ".";
    char *dir = slash ? ir_strndup(file, slash == file ? 1 : (size_t)(slash - file)) : NULL;
    if (slash && !dir)
        b->bad = IMGREL_ENOMEM;
    ir_buf_adds(b, "buildctl-daemonless.sh build \\\n  --frontend dockerfile.v0 \\\n");
    add_option(b, "--local", "context", context);
    add_option(b, "--local", "dockerfile", dir ? dir : file ? "." : context);
    if (file)
        add_option(b, "--opt", "filename", slash ? slash + 1 : file);
    if (ci->target)
        add_option(b, "--opt", "target", ci->target);
    add_platforms(b, ci->platforms);
    for (void *it = ir_json_first(ci->build_args); it; it = ir_json_next(ci->build_args, it)) {
        char *name = ir_format("build-arg:%s", ir_json_key(it));
        add_option(b, "--opt", name ? name : "", ir_json_text(ir_json_value(it)));
        free(name);
    }
    ir_buf_addf(b,
                "  --metadata-file image.json \\\n"
                "  --output \"type=image,\\\"name=$IMAGE:$CI_COMMIT_TAG%s\\\",push=true%s\"\n",
                ci->latest ? ",$IMAGE:latest" : "",
                ci->plain_http ? ",registry.insecure=true" : "");
    free(dir);
}

static void add_script(ir_buf *b, const ir_gitlab_ci *ci)
{
    ir_buf_adds(b, "set -eu\nIMAGE=");
    char *image = ir_format("%s/%s", ci->host, ci->repository);
    add_word(b, image ? image : "");
    if (!image)
        b->bad = IMGREL_ENOMEM;
    free(image);
    ir_buf_adds(b, "\ncase \"$CI_COMMIT_TAG\" in\n"
                   "  ''|*[!A-Za-z0-9_.-]*) echo \"tag $CI_COMMIT_TAG is no tag of an image\" >&2; "
                   "exit 1;;\nesac\n"
                   "export DOCKER_CONFIG=\"$(mktemp -d)\"\n"
                   "trap 'rm -rf \"$DOCKER_CONFIG\"' EXIT\n");
    if (ci->variable)
        add_config_file(b, ci->variable);
    else
        add_pair(b, ci);
    add_daemon(b, ci);
    add_build(b, ci);
    ir_buf_adds(b, "DIGEST=$(sed -n 's/.*\"containerimage.digest\": *\"\\(sha256:[0-9a-f]*\\)\".*/"
                   "\\1/p' image.json | head -n 1)\n"
                   "if [ -z \"$DIGEST\" ]; then\n"
                   "  echo \"the builder does not say what it pushed\" >&2\n  exit 1\nfi\n"
                   "echo \"IMAGE_DIGEST=$DIGEST\" > image.env\n"
                   "echo \"pushed $IMAGE:$CI_COMMIT_TAG as $DIGEST\"\n");
}

/* ---- the file ---- */

static int check_text(const char *what, const char *s, imgrel_error *err)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            return ir_fail(err, IMGREL_EINVAL, "%s of a pipeline: a control character in it", what);
    return 0;
}

static int check_name(const char *s, imgrel_error *err)
{
    size_t n = s ? strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") : 1;
    if (!s || (n && !s[n] && (*s < '0' || *s > '9')))
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "\"%.60s\" is not the name of a variable", s);
}

static int check_args(const ir_json *args, imgrel_error *err)
{
    for (void *it = ir_json_first(args); it; it = ir_json_next(args, it)) {
        const char *value = ir_json_text(ir_json_value(it));
        if (!value || check_text("a build argument", value, NULL) ||
            check_name(ir_json_key(it), NULL))
            return ir_fail(err, IMGREL_EINVAL,
                           "build argument %.60s: it must be a name and one line of text",
                           ir_json_key(it));
    }
    return 0;
}

static int check(const ir_gitlab_ci *ci, imgrel_error *err)
{
    const struct {
        const char *what, *text;
    } texts[] = {{"the context", ci->context},
                 {"the Dockerfile", ci->dockerfile},
                 {"the target", ci->target},
                 {"the pattern", ci->pattern},
                 {"the image", ci->image}};
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = check_text(texts[i].what, texts[i].text, err);
    if (!rc && ((!ci->variable && (!ci->user_variable || !ci->secret_variable)) || !ci->host ||
                !ci->repository))
        rc =
            ir_fail(err, IMGREL_EINVAL, "a pipeline needs an image, and a variable with the login");
    if (!rc && ci->host[strcspn(ci->host, "\"'\\$` \n")])
        rc = ir_fail(err, IMGREL_EINVAL, "\"%.100s\" is not a host", ci->host);
    if (!rc && ci->ca_pem && strstr(ci->ca_pem, "\nEND\n"))
        rc = ir_fail(err, IMGREL_EINVAL, "the CA's file of a pipeline is not in PEM");
    const char *const names[] = {ci->variable, ci->user_variable, ci->secret_variable};
    for (size_t i = 0; !rc && i < 3; i++)
        rc = check_name(names[i], err);
    return rc ? rc : check_args(ci->build_args, err);
}

/* A slash would end the expression. */
static char *rule_of(const char *pattern)
{
    IR_AUTO(ir_buf) b = IR_BUF(4096);
    ir_buf_adds(&b, "$CI_COMMIT_TAG =~ /");
    for (const char *s = pattern ? pattern : PATTERN; *s; s++)
        ir_buf_addf(&b, *s == '/' && (s == pattern || s[-1] != '\\') ? "\\%c" : "%c", *s);
    ir_buf_adds(&b, "/");
    return ir_buf_take(&b);
}

static ir_json *document(const ir_gitlab_ci *ci, const char *script, const char *rule)
{
    ir_json *job =
        ir_json_pack("{s:s, s:{s:s, s:[s]}, s:[{s:s}], s:[s], s:{s:{s:s}}}", "stage", "build",
                     "image", "name", ci->image ? ci->image : BUILDER, "entrypoint", "", "rules",
                     "if", rule, "script", script, "artifacts", "reports", "dotenv", "image.env");
    if (job && ir_json_len(ci->runner_tags) &&
        ir_json_put(job, "tags", ir_json_copy(ci->runner_tags))) {
        ir_json_free(job);
        return NULL;
    }
    return ir_json_pack("{s:[s], s:o}", "stages", "build", "build-image", job);
}

int ir_gitlab_ci_write(const ir_gitlab_ci *ci, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) script = IR_BUF(SCRIPT_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    char *rule = NULL;
    int rc = check(ci, err);
    if (rc)
        return rc;
    add_script(&script, ci);
    rc = ir_buf_check(&script, err, "the script of a pipeline");
    if (!rc && (!(rule = rule_of(ci->pattern)) || !(j = document(ci, ir_buf_str(&script), rule))))
        rc = ir_nomem(err);
    ir_buf_addf(out, "# Made by imgrel%s%s: change that and write this again.\n",
                ci->name ? " from " : "", ci->name ? ci->name : "");
    if (!rc)
        rc = ir_yaml_write(j, out, err);
    free(rule);
    return rc;
}
