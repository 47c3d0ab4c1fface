/* help.c - --help, `help`, `version` and `config`, from the tables. */
#include "cli.h"

#include <string.h>

/* "--name ARG" with its letter, in at most 40 columns. */
static void option_name(const cli_option *o, char ret[64])
{
    if (o->letter)
        snprintf(ret, 64, "-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
    else
        snprintf(ret, 64, "    --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

static void print_options(FILE *f, const char *title, const cli_option *options)
{
    char name[64];

    if (!options || !options->name)
        return;
    fprintf(f, "\n%s:\n", title);
    for (const cli_option *o = options; o->name; o++) {
        option_name(o, name);
        fprintf(f, "  %-34s %s%s%s%s\n", name, o->help, o->choices ? " (" : "",
                o->choices ? o->choices : "", o->choices ? ")" : "");
    }
}

void cli_synopsis(FILE *f, const cli_command *cmd)
{
    bool has_options = (cmd->options && cmd->options->name) || (cmd->shared && cmd->shared->name);

    fprintf(f, "imgrel %s%s%s%s", cmd->path, *cmd->args ? " " : "", cmd->args,
            has_options ? " [OPTION...]" : "");
}

static bool path_has(const char *path, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(path, " ");
        if (strlen(words[i]) != len || strncmp(path, words[i], len))
            return false;
        path += len;
        path += *path == ' ';
    }
    return true;
}

static void help_list(FILE *f, const char *const *words, size_t n_words)
{
    bool any = false;
    char usage[96];

    fputs("usage: imgrel COMMAND [ARGUMENT...] [OPTION...]\n\nCommands:\n", f);
    for (int pass = 0; pass < 2 && !any; pass++)
        for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
            if (pass == 0 && !path_has(cmd->path, words, n_words))
                continue;
            snprintf(usage, sizeof usage, "%s %s", cmd->path, cmd->args);
            fprintf(f, "  %-44s %s\n", usage, cmd->help);
            any = true;
        }
    print_options(f, "Options of every command", cli_globals);
    fputs("\n`imgrel COMMAND --help` tells the options of a command; imgrel(1) tells it all.\n", f);
}

void cli_help(FILE *f, const cli_command *cmd, const char *const *words, size_t n_words)
{
    if (!cmd) {
        help_list(f, words, n_words);
        return;
    }
    fputs("usage: ", f);
    cli_synopsis(f, cmd);
    fprintf(f, "\n\n%s\n", cmd->help);
    print_options(f, "Options", cmd->options);
    print_options(f, cmd->shared == NULL ? "" : "Options of its kind", cmd->shared);
    print_options(f, "Options of every command", cli_globals);
}

int cmd_help(cli *c, imgrel_error *err)
{
    size_t used = 0;
    const cli_command *cmd = cli_find(c->words, c->n_words, &used);

    if (cli_has(c, "man")) {
        cli_man(stdout);
        return 0;
    }
    for (const cli_command *k = cli_commands; k->path && !cmd && c->n_words; k++)
        if (path_has(k->path, c->words, c->n_words))
            used = c->n_words;
    if (c->n_words && !used)
        return cli_fail(err, IMGREL_EINVAL, "see imgrel help", "no command %s", c->words[0]);
    cli_help(stdout, cmd, c->words, c->n_words);
    return 0;
}

int cmd_version(cli *c, imgrel_error *err)
{
    if (c->json)
        return cli_print(json_pack("{s:s}", "version", imgrel_version()), err);
    printf("imgrel %s\n", imgrel_version());
    return 0;
}

/* The value of a key as it is set now; secrets are never shown. */
static void print_key(const cli *c, const imgrel_config_key *row)
{
    const char *value = imgrel_client_get(c->client, row->name);

    printf("%s = %s\n    %s (%s, %s)\n", row->name,
           row->secret ? "***"
           : value     ? value
                       : "",
           row->doc, row->type, row->env);
}

int cmd_config(cli *c, imgrel_error *err)
{
    imgrel_config_key row = { .size = sizeof row };
    int rc = 0;

    if (cli_has(c, "man")) {
        cli_man_config(stdout);
        return 0;
    }
    for (size_t i = 0; !rc && !imgrel_config_row(i, &row, NULL); i++) {
        if (c->json)
            rc = cli_print(json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:b}", "name", row.name,
                                     "type", row.type, "env", row.env, "default", row.dflt, "value",
                                     row.secret ? NULL : imgrel_client_get(c->client, row.name),
                                     "doc", row.doc, "secret", (int)row.secret),
                           err);
        else
            print_key(c, &row);
    }
    return rc;
}
