/* assemble.c - a Dockerfile for which nothing must be run, as a spec of the library's own
 * assembler: FROM, COPY from the context, and what only sets the config. What would come out
 * otherwise than by a builder is left to one: assembled or not is never a matter of luck. */
#include "build/ignore.h"
#include "build/inside.h"

#include "base/fd.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "oci/image.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct plan {
    const ir_job *job;
    ir_ignore ignore;
    ir_json *vars; /* ARG and ENV */
    ir_json *layers, *config;
    char *base;    /* NULL: from scratch */
    char *workdir; /* NULL: the base's, not known */
    char *why;     /* it cannot be done */
} plan;

static int no(plan *p, const ir_df_line *l, const char *why, imgrel_error *err)
{
    if (!p->why && !(p->why = l ? ir_format("line %d: %s", l->line, why) : ir_strdup(why)))
        return ir_nomem(err);
    return 0;
}

static ir_json *member(ir_json *j, const char *key, bool list)
{
    if (!ir_json_get(j, key))
        ir_json_put(j, key, list ? ir_json_new_array() : ir_json_new_object());
    return ir_json_get(j, key);
}

/* ---- words of an instruction ------------------------------------------------------------------
 */

/* The next word of text, quotes and escapes taken off; NULL at the end. A quote that does not end
 * gives "". */
static char *next_word(const char **text)
{
    const char *p = *text + strspn(*text, " \t");
    char *word = *p ? malloc(strlen(p) + 1) : NULL, *to = word, quote = 0;
    if (!word)
        return NULL;
    for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
        if (quote ? *p == quote : *p == '"' || *p == '\'')
            quote = quote ? 0 : *p;
        else if (*p == '\\' && p[1] && quote != '\'' && p[1] != '$')
            *to++ = *++p;
        else
            *to++ = *p;
    }
    *to = '\0';
    *text = p;
    return word;
}

/* A word with its variables replaced; NULL and a reason when one is not known here. */
static int expanded(plan *p, const ir_df_line *l, const char *word, char **ret, imgrel_error *err)
{
    int rc = ir_df_expand(word, p->vars, ret, err);
    return rc || *ret ? rc : no(p, l, "it names a variable that is not known here", err);
}

/* ["a", "b"], or by the shell. */
static int command(plan *p, const ir_df_line *l, const char *key, imgrel_error *err)
{
    ir_json *v = NULL;
    imgrel_error ignored = {0};
    if (*l->rest == '[' && !ir_json_parse(l->rest, strlen(l->rest), l->word, &v, &ignored) &&
        !ir_json_is_array(v)) {
        ir_json_free(v);
        v = NULL;
    }
    if (!v)
        v = ir_json_pack("[s, s, s]", "/bin/sh", "-c", l->rest);
    return ir_json_put(p->config, key, v) ? ir_nomem(err) : 0;
}

/* A=b C="d e", or the old "A b c". */
static int pairs(plan *p, const ir_df_line *l, const char *key, imgrel_error *err)
{
    const char *text = l->rest;
    char *word = NULL;
    ir_json *into = member(p->config, key, false);
    bool is_env = !strcmp(key, "env");
    int rc = 0;
    while (!rc && !p->why && (word = next_word(&text))) {
        char *eq = strchr(word, '='), *value = NULL;
        if (!eq || eq == word)
            rc = no(p, l, "not written as NAME=VALUE", err);
        else
            rc = expanded(p, l, eq + 1, &value, err);
        if (!rc && value) {
            *eq = '\0';
            if (ir_json_puts(into, word, value) || (is_env && ir_json_puts(p->vars, word, value)))
                rc = ir_nomem(err);
        }
        free(value);
        free(word);
    }
    return rc;
}

static int strings(plan *p, const ir_df_line *l, const char *key, imgrel_error *err)
{
    const char *text = l->rest;
    char *word = NULL;
    int rc = 0;
    if (*l->rest == '[')
        return no(p, l, "a list in brackets", err);
    while (!rc && !p->why && (word = next_word(&text))) {
        char *value = NULL;
        rc = expanded(p, l, word, &value, err);
        if (!rc && value && ir_json_append(member(p->config, key, true), ir_json_new_string(value)))
            rc = ir_nomem(err);
        free(value);
        free(word);
    }
    return rc;
}

static int text_of(plan *p, const ir_df_line *l, const char *key, imgrel_error *err)
{
    char *value = NULL;
    int rc = expanded(p, l, l->rest, &value, err);
    if (!rc && value && ir_json_puts(p->config, key, value))
        rc = ir_nomem(err);
    free(value);
    return rc;
}

static int argument(plan *p, const ir_df_line *l, imgrel_error *err)
{
    const char *text = l->rest;
    char *word = next_word(&text), *eq = word ? strchr(word, '=') : NULL, *value = NULL;
    int rc = word ? 0 : no(p, l, "ARG without a name", err);
    if (!rc && word) {
        if (eq)
            *eq = '\0';
        const char *given = ir_json_str(p->job->spec->args, word);
        if (given)
            rc = ir_json_puts(p->vars, word, given) ? ir_nomem(err) : 0;
        else if (eq && !(rc = expanded(p, l, eq + 1, &value, err)) && value)
            rc = ir_json_puts(p->vars, word, value) ? ir_nomem(err) : 0;
    }
    free(value);
    free(word);
    return rc;
}

static int workdir(plan *p, const ir_df_line *l, imgrel_error *err)
{
    char *value = NULL, *whole = NULL;
    int rc = expanded(p, l, l->rest, &value, err);
    if (rc || !value)
        return rc;
    if (*value != '/' && !p->workdir)
        rc = no(p, l, "relative to the base's folder, which is not known here", err);
    else if (!(whole = *value == '/' ? ir_strdup(value) : ir_path_join(p->workdir, value)))
        rc = ir_nomem(err);
    else if (ir_json_puts(p->config, "workdir", whole))
        rc = ir_nomem(err);
    if (whole) {
        free(p->workdir);
        p->workdir = whole;
    }
    free(value);
    return rc;
}

/* ---- COPY ------------------------------------------------------------------------------------ */

/* Whether .dockerignore leaves out anything of a folder; path is inside the context. */
static bool leaves_out(const plan *p, const char *path, int depth)
{
    char *whole = ir_path_join(p->job->spec->dir, path);
    DIR *d = whole && depth < 64 ? opendir(whole) : NULL;
    const struct dirent *e = NULL;
    bool out = !d;
    while (d && !out && (e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        char *inner = *path ? ir_path_join(path, e->d_name) : ir_strdup(e->d_name);
        out = !inner || ir_ignore_has(&p->ignore, inner) ||
              (e->d_type == DT_DIR && leaves_out(p, inner, depth + 1));
        free(inner);
    }
    if (d)
        closedir(d);
    free(whole);
    return out;
}

/* "./dist/" -> "dist"; NULL when it leads out of the context. */
static char *inside(const char *path)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_REF_MAX);
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return NULL;
        if (n && !(n == 1 && *p == '.')) {
            if (b.len)
                ir_buf_addc(&b, '/');
            ir_buf_add(&b, p, n);
        }
        p += n + (p[n] == '/');
    }
    return b.len ? ir_buf_take(&b) : ir_strdup("");
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file becomes `to` or goes into it: whether `to` is a folder in the base is not known here, but
 * a name like the file's, or with its ending, speaks for a file. */
static bool is_files_name(const char *file, const char *to)
{
    const char *a = last_part(file), *b = last_part(to);
    const char *end_a = strrchr(a, '.'), *end_b = strrchr(b, '.');
    return !strcmp(a, b) || (end_a && end_b && !strcmp(end_a, end_b));
}

static int add_source(plan *p, const ir_df_line *l, const char *from, const char *to,
                      const ir_json *how, imgrel_error *err)
{
    char *path = inside(from), *whole = path ? ir_path_join(p->job->spec->dir, path) : NULL;
    struct stat st;
    const char *why = NULL;
    if (strpbrk(from, "*?[") || strstr(from, "://"))
        why = "a pattern or an address as source";
    else if (!whole || lstat(whole, &st))
        why = "its source is not in the context";
    else if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        why = "its source is neither a file nor a folder";
    else if (!strcmp(l->word, "ADD") && S_ISREG(st.st_mode))
        why = "ADD may unpack a file";
    else if (ir_ignore_has(&p->ignore, path) ||
             (S_ISDIR(st.st_mode) && p->ignore.patterns.n && leaves_out(p, path, 0)))
        why = ".dockerignore leaves out something of its source";
    else if (S_ISREG(st.st_mode) && !ir_ends(to, "/") && p->base && !is_files_name(path, to))
        why = "whether its destination is a folder in the base is not known here";
    int rc = why ? no(p, l, why, err) : 0;
    ir_json *layer = why ? NULL : ir_json_copy(how);
    if (!why && (ir_json_puts(layer, "from", whole) || ir_json_puts(layer, "to", to) ||
                 ir_json_append(p->layers, layer)))
        rc = ir_nomem(err);
    free(path);
    free(whole);
    return rc;
}

/* --chown and --chmod, as numbers; the text behind the flags. */
static int copy_flags(plan *p, const ir_df_line *l, const char **text, ir_json *how,
                      imgrel_error *err)
{
    int rc = 0;
    while (!rc && !p->why && ir_starts(*text, "--")) {
        char *word = next_word(text);
        const char *owner = word && ir_starts(word, "--chown=") ? word + 8 : NULL;
        const char *mode = word && ir_starts(word, "--chmod=") ? word + 8 : NULL;
        if (owner && *owner && strspn(owner, "0123456789:") == strlen(owner))
            rc = ir_json_puts(how, "owner", owner) ? ir_nomem(err) : 0;
        else if (mode && *mode && strspn(mode, "01234567") == strlen(mode))
            rc = ir_json_puts(how, "mode", mode) ? ir_nomem(err) : 0;
        else if (!word || strcmp(word, "--link"))
            rc = no(p, l, "it copies from another stage, or by names that the base has", err);
        free(word);
        *text += strspn(*text, " \t");
    }
    return rc;
}

static int copy_words(plan *p, const ir_df_line *l, const char *text, ir_strv *ret,
                      imgrel_error *err)
{
    char *word = NULL;
    int rc = 0;
    if (*text == '[' || strstr(text, "<<"))
        return no(p, l, "words in brackets, or a here-document", err);
    while (!rc && !p->why && (word = next_word(&text))) {
        char *value = NULL;
        rc = expanded(p, l, word, &value, err);
        if (!rc && value && ir_strv_add(ret, value))
            rc = ir_nomem(err);
        free(value);
        free(word);
    }
    if (!rc && !p->why && ret->n < 2)
        rc = no(p, l, "COPY needs a source and a destination", err);
    return rc;
}

static int copy(plan *p, const ir_df_line *l, imgrel_error *err)
{
    IR_AUTO(ir_strv) words = {0};
    IR_AUTO(ir_json_p) how = ir_json_new_object();
    const char *text = l->rest;
    char *to = NULL;
    int rc = how ? copy_flags(p, l, &text, how, err) : ir_nomem(err);
    if (!rc && !p->why)
        rc = copy_words(p, l, text, &words, err);
    if (rc || p->why)
        return rc;
    const char *last = words.v[words.n - 1];
    bool dot = ir_ends(last, "/") || !strcmp(last, ".") || ir_ends(last, "/.") || words.n > 2;
    char *rest = inside(last);
    if (!rest || (*last != '/' && !p->workdir))
        rc = no(p, l, "its destination is relative to a folder that is not known here", err);
    else if (!(to = ir_format("%s%s%s%s", *last == '/' ? "" : p->workdir, "/", rest,
                              dot && *rest ? "/" : "")))
        rc = ir_nomem(err);
    for (size_t i = 0; !rc && to && !p->why && i + 1 < words.n; i++)
        rc = add_source(p, l, words.v[i], to, how, err);
    free(rest);
    free(to);
    return rc;
}

/* ---- stages ---------------------------------------------------------------------------------- */

static int instruction(plan *p, const ir_df_line *l, imgrel_error *err)
{
    static const struct {
        const char *word;
        int (*take)(plan *p, const ir_df_line *l, const char *key, imgrel_error *err);
        const char *key;
    } rows[] = {{"CMD", command, "cmd"},        {"ENTRYPOINT", command, "entrypoint"},
                {"ENV", pairs, "env"},          {"LABEL", pairs, "labels"},
                {"EXPOSE", strings, "exposed"}, {"VOLUME", strings, "volumes"},
                {"USER", text_of, "user"},      {"STOPSIGNAL", text_of, "stop_signal"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(l->word, rows[i].word))
            return rows[i].take(p, l, rows[i].key, err);
    if (!strcmp(l->word, "WORKDIR"))
        return workdir(p, l, err);
    if (!strcmp(l->word, "ARG"))
        return argument(p, l, err);
    if (!strcmp(l->word, "COPY") || !strcmp(l->word, "ADD"))
        return copy(p, l, err);
    return strcmp(l->word, "RUN") ? no(p, l, "an instruction that only a builder knows", err)
                                  : no(p, l, "RUN runs a program", err);
}

/* The FROM line of a stage: by name, or the last one. */
static size_t find_stage(const ir_dockerfile *d, const char *name, size_t before, ir_df_from *ret,
                         imgrel_error *err)
{
    for (size_t i = before; i-- > 0;) {
        if (strcmp(d->v[i].word, "FROM"))
            continue;
        ir_df_from f = {0};
        if (!ir_df_from_read(d->v[i].rest, &f, err) &&
            (!name || (f.name && !strcasecmp(f.name, name)))) {
            *ret = f;
            return i;
        }
        ir_df_from_free(&f);
    }
    return SIZE_MAX;
}

static int stage(plan *p, const char *name, size_t before, int depth, imgrel_error *err)
{
    const ir_dockerfile *d = &p->job->df;
    ir_df_from f = {0};
    char *image = NULL;
    size_t at = find_stage(d, name, before, &f, err);
    if (at == SIZE_MAX || !f.image || depth > 32) {
        ir_df_from_free(&f);
        return depth ? 1 : no(p, NULL, "there is no such stage", err);
    }
    int rc = expanded(p, &d->v[at], f.image, &image, err);
    if (!rc && image && f.platform)
        rc = no(p, &d->v[at], "FROM --platform", err);
    if (!rc && image && !p->why) {
        rc = stage(p, image, at, depth + 1, err);
        if (rc == 1) { /* no stage: an image */
            rc = 0;
            if (strcmp(image, "scratch") && !(p->base = ir_strdup(image)))
                rc = ir_nomem(err);
            if (!p->base && !(p->workdir = ir_strdup("")))
                rc = ir_nomem(err);
        }
    }
    for (size_t i = at + 1; !rc && !p->why && i < d->n && strcmp(d->v[i].word, "FROM"); i++)
        rc = instruction(p, &d->v[i], err);
    free(image);
    ir_df_from_free(&f);
    return rc;
}

static int wanted_more(plan *p, imgrel_error *err)
{
    const ir_build_spec *s = p->job->spec;
    const char *why = s->sbom || (s->provenance && strcmp(s->provenance, "off"))
                          ? "provenance and SBOM are a builder's"
                      : ir_json_len(s->cache_to) || ir_json_len(s->cache_from)
                          ? "caches are a builder's"
                      : ir_json_len(s->contexts)               ? "named contexts are a builder's"
                      : s->push && !strcmp(s->push, "builder") ? "a push by the builder needs one"
                                                               : NULL;
    return why ? no(p, NULL, why, err) : 0;
}

static int make_plan(const ir_job *job, plan *p, imgrel_error *err)
{
    *p = (plan){.job = job, .layers = ir_json_new_array(), .config = ir_json_new_object()};
    int rc = p->layers && p->config ? 0 : ir_nomem(err);
    if (!rc)
        rc = wanted_more(p, err);
    if (!rc)
        rc = ir_df_globals(&job->df, job->spec->args, &p->vars, err);
    if (!rc)
        rc = ir_ignore_read(job->spec->dir, job->spec->dockerfile, &p->ignore, err);
    if (!rc && !p->why)
        rc = stage(p, job->spec->target, job->df.n, 0, err);
    return rc;
}

static void free_plan(plan *p)
{
    ir_ignore_free(&p->ignore);
    ir_json_free(p->vars);
    ir_json_free(p->layers);
    ir_json_free(p->config);
    free(p->base);
    free(p->workdir);
    free(p->why);
}

int ir_assemble_why_not(const ir_job *job, char **ret, imgrel_error *err)
{
    plan p;
    int rc = make_plan(job, &p, err);
    *ret = p.why;
    p.why = NULL;
    free_plan(&p);
    return rc;
}

/* ---- the build ------------------------------------------------------------------------------ */

static int add_platforms(const ir_build_spec *s, ir_json *spec, imgrel_error *err)
{
    IR_AUTO(ir_strv) list = {0};
    ir_json *platforms = member(spec, "platforms", true);
    ir_platform host;
    char name[128];
    ir_platform_host(&host);
    if (ir_strv_split(&list, s->platform_list ? s->platform_list : ir_platform_str(&host, name),
                      ','))
        return ir_nomem(err);
    for (size_t i = 0; i < list.n; i++)
        if (ir_json_append(platforms, ir_json_new_string(list.v[i])))
            return ir_nomem(err);
    return 0;
}

static int make_spec(const plan *p, ir_json **ret, imgrel_error *err)
{
    const ir_build_spec *s = p->job->spec;
    ir_json *spec = ir_json_pack("{s:O, s:O}", "layers", p->layers, "config", p->config);
    ir_json *labels = ir_json_len(s->labels) ? member(p->config, "labels", false) : NULL;
    int bad = ir_json_puts(spec, "base", p->base);
    for (void *it = ir_json_first(s->labels); it; it = ir_json_next(s->labels, it))
        bad |= ir_json_puts(labels, ir_json_key(it), ir_json_text(ir_json_value(it)));
    if (s->annotations)
        bad |= ir_json_put(spec, "annotations", ir_json_copy(s->annotations));
    if (s->epoch) {
        unsigned long long n = 0;
        char text[32] = "";
        if (ir_parse_u64(s->epoch, INT64_MAX, &n))
            ir_rfc3339_format((int64_t)n, text);
        bad |= ir_json_puts(spec, "created", text);
    }
    int rc = bad || !spec ? ir_nomem(err) : add_platforms(s, spec, err);
    *ret = spec;
    return rc;
}

static int run(ir_job *job, imgrel_error *err)
{
    plan p;
    IR_AUTO(ir_json_p) spec = NULL;
    ir_assembled made = {0};
    ir_call call = *job->call;
    char *name = NULL;
    call.platform = NULL;
    int rc = make_plan(job, &p, err);
    if (!rc && p.why) {
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a builder is needed: %s", job->spec->dockerfile,
                     p.why);
        ir_cure(err, "use --driver buildkit, buildah, podman or docker");
    }
    if (!rc)
        rc = make_spec(&p, &spec, err);
    if (!rc && !(name = ir_format("oci:%s:image", job->out)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_ref_parse(name, &job->ret->image, err);
    ir_assemble a = {.spec = spec, .dst = &job->ret->image, .write_tags = true};
    if (!rc)
        rc = ir_image_assemble(&call, &a, &made, err);
    if (!rc)
        job->ret->steps = ir_json_len(p.layers) + 1;
    ir_assembled_free(&made);
    free_plan(&p);
    free(name);
    return rc;
}

static int probe(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    (void)call;
    (void)builder;
    return ir_json_put(row, "available", ir_json_new_bool(true)) ? ir_nomem(err) : 0;
}

const ir_driver ir_driver_assemble = {"assemble", probe, run};
