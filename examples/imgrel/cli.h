/* cli.h - what the files of the command line share. One table of commands (commands.c) feeds the
 * parser, --help, the manual page and the shell completions; a command is a function that is given
 * its words and options and returns a code of the library. Public headers only. */
#ifndef IMGREL_CLI_H
#define IMGREL_CLI_H

#include <imgrel/imgrel.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* An option. arg NULL: a switch. choices: "a|b", what it may be. key: the configuration key that it
 * sets; a key that is a list is added to. */
typedef struct cli_option {
    const char *name;
    char letter;
    const char *arg, *help, *choices, *key;
} cli_option;

struct cli;
typedef int cli_fn(struct cli *c, imgrel_error *err);

/* A command. path: its words. args: "NAME", "SRC DST...", "[FILE]": how many words follow. options
 * and shared end with a NULL name; shared are those of its noun. */
typedef struct cli_command {
    const char *path, *args, *help;
    const cli_option *options, *shared;
    cli_fn *run;
} cli_command;

extern const cli_command cli_commands[]; /* ends with a NULL path */
extern const cli_option cli_globals[];

#define CLI_WORDS_MAX 256
typedef struct cli_given {
    const cli_option *option;
    const char *value; /* NULL for a switch */
} cli_given;

typedef struct cli {
    const cli_command *command;
    const char *words[CLI_WORDS_MAX]; /* after the command's own */
    size_t n_words;
    cli_given given[CLI_WORDS_MAX];
    size_t n_given;
    imgrel_client *client;
    imgrel_cancel *cancel;
    imgrel_opts opts;
    bool json, quiet, help;
    struct cli_progress *progress;
} cli;

/* ---- parse.c ---- */
int cli_parse(cli *c, int argc, char **argv, imgrel_error *err);
const char *cli_value(const cli *c, const char *name);         /* the last one; NULL: not given */
const char *cli_nth(const cli *c, const char *name, size_t i); /* the i-th; NULL past the last */
bool cli_has(const cli *c, const char *name);
/* An option as a number from min to max; dflt if it is not given. */
int cli_number(const cli *c, const char *name, long min, long max, long dflt, long *ret,
               imgrel_error *err);
/* "30", "30s", "10m", "2h" or "500ms" in milliseconds; -1: neither. */
int64_t cli_duration(const char *text);
const cli_command *cli_find(const char *const *words, size_t n, size_t *ret_used);
/* The options of a command, its noun's and the global ones, one after the other; NULL at the end.
 */
const cli_option *cli_option_at(const cli_command *cmd, size_t i);

/* ---- errors.c ---- */
/* Fails with a message (and a cure, may be NULL) unless err has one; returns code. */
int cli_fail(imgrel_error *err, int code, const char *cure, const char *fmt, ...) CLI_PRINTF(4, 5);
int cli_fail_errno(imgrel_error *err, const char *what);
int cli_nomem(imgrel_error *err);
int cli_exit_code(int rc, const imgrel_error *err);
void cli_complain(const imgrel_error *err);
void cli_note(const cli *c, const char *fmt, ...) CLI_PRINTF(2, 3); /* to standard error */

/* ---- out.c ---- */
/* Prints a document on one line and drops it; NULL is "out of memory". */
int cli_print(json_t *j, imgrel_error *err);
/* Prints one value: as {name: value} with --json, else as it is; value is freed. */
int cli_print_value(const cli *c, const char *name, char *value, imgrel_error *err);
/* The document of a call: as it is with --json, else parsed into *ret for people (NULL then). */
int cli_document(const cli *c, const char *text, json_t **ret, imgrel_error *err);
const char *cli_str(const json_t *j, const char *key); /* "" if absent */
void cli_size(double bytes, char ret[24]);
void cli_short_digest(const char *digest, char ret[24]);
/* A table for people: columns as wide as what is in them. */
typedef struct cli_table {
    size_t n_columns, n_cells, cap;
    char **cells;
} cli_table;
void cli_table_row(cli_table *t, ...); /* n_columns strings */
void cli_table_print(cli_table *t);    /* and frees it */
/* Every item of a list: a JSON line each with --json, else fn (NULL: the item as it is). name: the
 * member that a bare name gets; NULL: items are documents. it is freed. */
typedef void cli_item_fn(cli_table *t, const json_t *item);
int cli_list(cli *c, imgrel_iter *it, const char *name, const char *const *head, cli_item_fn *fn,
             imgrel_error *err);

/* ---- index.c ---- */
/* "KEY=VALUE" into an object (KEY= sets null); every value of an option. */
int cli_pair(const char *text, json_t *object, imgrel_error *err);
int cli_pairs(const cli *c, const char *option, json_t *object, imgrel_error *err);

/* ---- registry.c ---- */
typedef int cli_fetch_fn(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                         imgrel_error *err);
/* What the first word names into --output (a file that appears whole or not at all), else to
 * standard output unless that is a terminal. */
int cli_fetch(cli *c, cli_fetch_fn *fetch, const char *what, imgrel_error *err);

/* ---- node.c ---- */
/* The spec of a registry (imgrel/node.h) that the options make; the caller's, on failure too. */
int cli_registry_spec(const cli *c, json_t **ret, imgrel_error *err);

/* ---- files.c ---- */
/* All of a file, "-" is standard input; the caller's, wiped by cli_free_secret. */
int cli_read_file(const char *path, char **ret, size_t *ret_len, imgrel_error *err);
/* A file's JSON object; path NULL: an empty one. */
int cli_read_spec(const char *path, json_t **ret, imgrel_error *err);
/* A secret: one line of a file, without its end. */
int cli_read_secret(const cli *c, const char *path, char **ret, imgrel_error *err);
void cli_free_secret(char *s);
/* A file for a secret, made before the secret is: 0600, under a temporary name until it is kept.
 * "-" is standard output unless that is a terminal. */
typedef struct cli_secret_file {
    int fd;
    const char *path;
    char *temp;
    bool was_there;
} cli_secret_file;
int cli_secret_open(cli_secret_file *f, const char *path, imgrel_error *err);
int cli_secret_keep(cli_secret_file *f, const char *secret, imgrel_error *err);
void cli_secret_drop(cli_secret_file *f); /* nothing after keep */

/* ---- progress.c ---- */
int cli_progress_start(cli *c, imgrel_error *err);
void cli_progress_end(cli *c); /* clears the bars; before anything else is printed */

/* ---- help.c, man.c, completion.c ---- */
void cli_help(FILE *f, const cli_command *cmd, const char *const *words, size_t n_words);
void cli_synopsis(FILE *f, const cli_command *cmd);
void cli_man(FILE *f);
void cli_man_config(FILE *f);
cli_fn cmd_help, cmd_version, cmd_config, cmd_completion;

/* ---- what the commands do ---- */
cli_fn cmd_login, cmd_logout, cmd_copy, cmd_sync, cmd_tags, cmd_catalog, cmd_digest, cmd_manifest,
    cmd_inspect, cmd_delete, cmd_referrers;
cli_fn cmd_index_create, cmd_index_append, cmd_index_remove, cmd_index_annotate;
cli_fn cmd_blob_get, cmd_blob_put, cmd_blob_exists, cmd_blob_delete;
cli_fn cmd_artifact_put, cmd_artifact_get;
cli_fn cmd_image_assemble, cmd_image_export, cmd_image_append, cmd_image_mutate, cmd_image_rebase,
    cmd_image_flatten, cmd_image_recompress, cmd_validate;
cli_fn cmd_kube_namespace_ensure, cmd_kube_secret_ensure, cmd_kube_pod_run, cmd_kube_service_expose,
    cmd_kube_get, cmd_kube_list, cmd_kube_delete, cmd_kube_apply, cmd_kube_wait, cmd_kube_diagnose,
    cmd_kube_logs, cmd_kube_forward;
cli_fn cmd_kube_create, cmd_kube_watch, cmd_kube_patch, cmd_kube_kinds, cmd_kube_deployment_run,
    cmd_kube_account_secrets, cmd_kube_rollout_status, cmd_kube_rollout_undo,
    cmd_kube_rollout_restart, cmd_kube_rollout_history, cmd_kube_scale, cmd_kube_image;
cli_fn cmd_chart_values, cmd_chart_install;
cli_fn cmd_node_hosts, cmd_node_doctor, cmd_node_render, cmd_kube_job;
cli_fn cmd_release_plan, cmd_release_apply, cmd_release_verify, cmd_release_render,
    cmd_release_rotate, cmd_release_delete, cmd_release_doctor;
cli_fn cmd_gitlab_variable_ensure, cmd_gitlab_variable_check, cmd_gitlab_variable_list,
    cmd_gitlab_runner_ensure, cmd_gitlab_runner_list, cmd_gitlab_ci_write, cmd_gitlab_ci_lint,
    cmd_gitlab_tag_create, cmd_gitlab_pipeline_wait, cmd_gitlab_delete, cmd_gitlab_request;
cli_fn cmd_build, cmd_builders;
cli_fn cmd_mock_serve, cmd_mock_conformance;

#endif
