/* inside.h - what the drivers share: a job, the words of a command, the desk (a folder for one
 * build with the logins and settings that the builder is to have), a tool that is run and read.
 * Inside lib/build only. */
#ifndef IR_BUILD_INSIDE_H
#define IR_BUILD_INSIDE_H

#include "build/build.h"
#include "build/dockerfile.h"
#include "build/rawjson.h"

/* ---- words: argv and environment of a program; a failure of memory is kept until it is run ----
 */

typedef struct ir_words {
    ir_strv argv, env;
    bool bad;
} ir_words;
void ir_word(ir_words *w, const char *word);
void ir_wordf(ir_words *w, const char *fmt, ...) IR_PRINTF(2, 3);
void ir_word_env(ir_words *w, const char *name, const char *value);
void ir_words_free(ir_words *w);
/* "a=b" as a field of a CSV record: quoted when it must be. */
void ir_csv_add(ir_buf *record, const char *key, const char *value);

/* ---- a job ----------------------------------------------------------------------------------- */

/* How a registry that the build reads or writes is reached. */
typedef struct ir_place {
    ir_ref ref;
    bool plain, insecure, push; /* push: it is one of the names */
    char *ca_file;              /* NULL: the system's */
} ir_place;

typedef struct ir_job {
    const ir_call *call;
    const ir_build_spec *spec;
    ir_built *ret;
    ir_dockerfile df;
    ir_strv images;   /* that it is made of, as written */
    ir_place *places; /* of the names and the images, each host and repository once */
    size_t n_places;
    char *dir;    /* the desk; ret's */
    char *config; /* its config.json; NULL: nobody logs in */
    char *out;    /* where an image goes that is not pushed by the builder */
    ir_rawjson progress;
} ir_job;

/* ---- desk.c ---------------------------------------------------------------------------------- */

/* Makes the folder and fills places, images, config. */
int ir_must_use ir_desk_open(ir_job *job, imgrel_error *err);
/* A file of the desk, 0600: its path is malloc'ed. */
int ir_must_use ir_desk_file(const ir_job *job, const char *name, const char *text, char **ret,
                             imgrel_error *err);
char *ir_desk_path(const ir_job *job, const char *name); /* NULL: no memory */
/* buildkitd.toml for a daemon of our own; registries.conf for buildah and podman. NULL in ret: it
 * needs none. */
int ir_must_use ir_desk_buildkitd(const ir_job *job, char **ret, imgrel_error *err);
int ir_must_use ir_desk_registries(const ir_job *job, char **ret, imgrel_error *err);

/* ---- tool.c ---------------------------------------------------------------------------------- */

/* Is there such a program in PATH? */
bool ir_tool_is_here(const char *name);
/* Runs it as a family with its progress in BuildKit's rawjson (on standard error; what is on
 * standard output is a log), or line by line. ret_status: its exit status. */
typedef int ir_tool_line_fn(ir_job *job, bool is_err, char *line, imgrel_error *err);
int ir_must_use ir_tool_run(ir_job *job, const ir_words *w, ir_tool_line_fn *line, int *ret_status,
                            imgrel_error *err);
/* Runs it for what it says: first line of its output, NULL when it failed. For probes: 10 s. */
int ir_must_use ir_tool_ask(const ir_call *call, const ir_words *w, char **ret, imgrel_error *err);
/* Tells a step or a line of its log. */
int ir_must_use ir_job_tell(void *job, const ir_build_event *e, imgrel_error *err);
/* The value of an option that names a file to take a line from: iidfile, digestfile. */
int ir_must_use ir_tool_read_line(const char *path, char *ret, size_t len, imgrel_error *err);

/* ---- explain.c ------------------------------------------------------------------------------- */

/* The failure of a build told by its code, cause and cure: text is the builder's last word. */
int ir_build_explain(const ir_job *job, const char *tool, int status, const char *text,
                     imgrel_error *err);

/* ---- buildkit_words.c: what buildctl and buildx are told --------------------------------------
 */

void ir_buildkit_build_words(const ir_job *job, ir_words *w);
void ir_buildkit_output(const ir_job *job, ir_words *w);
/* {"containerimage.digest": ...}: the digest into job->ret. */
int ir_must_use ir_buildkit_metadata(ir_job *job, const char *path, imgrel_error *err);
char *ir_cache_record(const ir_json *cache,
                      const ir_job *job); /* type=registry,ref=...; malloc'ed */

/* ---- drivers --------------------------------------------------------------------------------- */

typedef struct ir_driver {
    const char *name;
    /* Fills {"available", "builder", "version", "why", "cure"}; builder NULL: the usual place. */
    int (*probe)(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err);
    int (*run)(ir_job *job, imgrel_error *err);
} ir_driver;
extern const ir_driver ir_driver_buildkit, ir_driver_buildah, ir_driver_podman, ir_driver_docker,
    ir_driver_assemble;
const ir_driver *ir_driver_find(const char *name); /* NULL: there is none */
/* Whether the in-house assembler can make it: NULL, or why not (malloc'ed). */
int ir_must_use ir_assemble_why_not(const ir_job *job, char **ret, imgrel_error *err);
/* Where a BuildKit daemon is: the builder of the spec, BUILDKIT_HOST, the usual sockets; NULL: none
 * (one of our own is then started). */
int ir_must_use ir_buildkit_address(const ir_call *call, const char *builder, char **ret,
                                    imgrel_error *err);

#endif
