/* man.c - imgrel(1) and imgrel-config(5), printed from the tables; what is checked in under
 * docs/man is this output. */
#include "cli.h"

#include <string.h>

/* Text for troff: no escape, hyphen or leading dot of its own. */
static void text(FILE *f, const char *s)
{
    for (bool start = true; *s; s++, start = false) {
        if (*s == '\\')
            fputs("\\e", f);
        else if (*s == '-')
            fputs("\\-", f);
        else if ((*s == '.' || *s == '\'') && start)
            fprintf(f, "\\&%c", *s);
        else
            fputc(*s, f);
    }
}

static void line(FILE *f, const char *s)
{
    text(f, s);
    fputc('\n', f);
}

static void bold(FILE *f, const char *s)
{
    fputs("\\fB", f);
    text(f, s);
    fputs("\\fR", f);
}

/* A help text of the table as a sentence. */
static void sentence(FILE *f, const char *s)
{
    fputc(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s, f);
    text(f, s + 1);
}

static void options(FILE *f, const cli_option *o)
{
    for (; o && o->name; o++) {
        fputs(".TP\n", f);
        if (o->letter)
            fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", f);
        text(f, o->name);
        fputs("\\fR", f);
        if (o->arg) {
            fputs(" \\fI", f);
            text(f, o->arg);
            fputs("\\fR", f);
        }
        fputc('\n', f);
        sentence(f, o->help);
        if (o->choices) {
            fputs(" (", f);
            text(f, o->choices);
            fputc(')', f);
        }
        fputs(".\n", f);
    }
}

static void command(FILE *f, const cli_command *cmd)
{
    fputs(".SS ", f);
    text(f, cmd->path);
    fputs("\n.B imgrel ", f);
    text(f, cmd->path);
    if (*cmd->args) {
        fputs(" \\fI", f);
        text(f, cmd->args);
        fputs("\\fR", f);
    }
    fputs("\n.PP\n", f);
    sentence(f, cmd->help);
    fputs(".\n", f);
    options(f, cmd->options);
}

/* The options that all commands of a noun have, told once after them. */
static void shared(FILE *f, const cli_command *cmd)
{
    int noun = (int)strcspn(cmd->path, " ");

    if (!cmd->shared || (cmd[1].path && cmd[1].shared == cmd->shared))
        return;
    fprintf(f, ".SS Options of every imgrel %.*s command\n", noun, cmd->path);
    options(f, cmd->shared);
}

static void paragraph(FILE *f, const char *s)
{
    fputs(".PP\n", f);
    line(f, s);
}

static void exit_codes(FILE *f)
{
    static const struct {
        const char *code, *what;
    } codes[] = {
        { "0", "Done." },
        { "1", "Failed." },
        { "2", "Wrong usage: a word, an option, a reference or a file is not as it must be." },
        { "3", "Not found." },
        { "4", "Not authenticated or not allowed." },
        { "5", "In conflict with what exists." },
        { "6", "Content does not match its digest." },
        { "7", "Unreachable, or timed out." },
        { "130", "Cancelled (Ctrl-C, SIGTERM)." },
    };

    fputs(".SH EXIT STATUS\n", f);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fprintf(f, ".TP\n.B %s\n%s\n", codes[i].code, codes[i].what);
}

static void environment(FILE *f)
{
    fputs(".SH ENVIRONMENT\n.TP\n.B HARBOR_URL, HARBOR_USER, HARBOR_PASSWORD_FILE\n", f);
    line(f, "Harbor's address and login, where no option gives them.");
    fputs(".TP\n.B KUBECONFIG\n", f);
    line(f, "The Kubernetes configuration, where no option gives it.");
    fputs(".TP\n.B IMGREL_*\n", f);
    fputs("Every key of\n.BR imgrel\\-config (5).\n", f);
}

void cli_man(FILE *f)
{
    fprintf(f,
            ".\\\" Made by `imgrel help \\-\\-man`.\n.TH IMGREL 1 \"\" \"libimgrel %s\" "
            "\"User Commands\"\n",
            imgrel_version());
    fputs(".SH NAME\nimgrel \\- release container images, from files to a running pod\n", f);
    fputs(".SH SYNOPSIS\n.B imgrel\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n",
          f);
    fputs(".SH DESCRIPTION\n", f);
    line(
        f,
        "Copies and assembles container images, manages Harbor's projects and robot accounts, runs "
        "them in Kubernetes, and does all of it at once from one release file. Options may stand "
        "anywhere.");
    paragraph(f, "Images are named HOST/REPOSITORY[:TAG][@DIGEST], or on disk oci:DIR[:TAG], "
                 "oci-archive:FILE[:TAG] and docker-archive:FILE[:NAME].");
    paragraph(f,
              "Results go to standard output: text for people, or with --json one document, or a "
              "line of JSON each for lists and progress. Progress and diagnostics go to standard "
              "error; an error is told in one line, its cure in the next.");
    paragraph(f,
              "Secrets are read from files and pipes and written to files of mode 0600 and pipes, "
              "never to a terminal; no option takes one.");
    fputs(".SH COMMANDS\n", f);
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        command(f, cmd);
        shared(f, cmd);
    }
    fputs(".SH OPTIONS\nThese are known to every command.\n", f);
    options(f, cli_globals);
    exit_codes(f);
    environment(f);
    fputs(".SH SEE ALSO\n.BR imgrel\\-config (5)\n", f);
}

void cli_man_config(FILE *f)
{
    imgrel_config_key row = { .size = sizeof row };

    fprintf(f,
            ".\\\" Made by `imgrel config \\-\\-man`.\n.TH IMGREL\\-CONFIG 5 \"\" \"libimgrel %s\" "
            "\"File Formats\"\n",
            imgrel_version());
    fputs(".SH NAME\nimgrel\\-config \\- what a libimgrel client can be told\n.SH DESCRIPTION\n",
          f);
    line(
        f,
        "Each key is set by imgrel_client_set() in C, by --set KEY=VALUE on the command line, or "
        "by its environment variable; the first overrides the last. Lists are separated by commas. "
        "A duration is a number with ms, s, m, h or d, or of seconds.");
    fputs(".SH KEYS\n", f);
    for (size_t i = 0; !imgrel_config_row(i, &row, NULL); i++) {
        fputs(".TP\n", f);
        bold(f, row.name);
        fputs(" (", f);
        text(f, row.type);
        fputs(", ", f);
        bold(f, row.env);
        fputs(")\n", f);
        line(f, row.doc);
        if (*row.dflt) {
            fputs("Default: ", f);
            text(f, row.dflt);
            fputs(".\n", f);
        }
        if (row.secret)
            fputs("A secret: it is never shown.\n", f);
    }
    fputs(".SH SEE ALSO\n.BR imgrel (1)\n", f);
}
