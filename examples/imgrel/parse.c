/* parse.c - words and options of a command line, read by the table. Options may stand anywhere; one
 * that only some commands have is understood by the words before it. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether a path begins with these words; ret_more: whether it goes on after them. */
static bool path_begins(const char *path, const char *const *words, size_t n, bool *ret_more)
{
    const char *p = path;

    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(p, " ");
        if (!len || strlen(words[i]) != len || strncmp(p, words[i], len))
            return false;
        p += len;
        p += *p == ' ';
    }
    *ret_more = *p != '\0';
    return true;
}

const cli_command *cli_find(const char *const *words, size_t n, size_t *ret_used)
{
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        bool more = false;
        for (size_t used = 1; used <= n; used++)
            if (path_begins(cmd->path, words, used, &more) && !more) {
                *ret_used = used;
                return cmd;
            }
    }
    return NULL;
}

const cli_option *cli_option_at(const cli_command *cmd, size_t i)
{
    const cli_option *lists[] = { cmd ? cmd->options : NULL, cmd ? cmd->shared : NULL,
                                  cli_globals };

    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (const cli_option *o = lists[l]; o && o->name; o++)
            if (i-- == 0)
                return o;
    return NULL;
}

/* An option by its name, or by its letter when len is 1 and name is one letter. */
static const cli_option *find_option(const cli_command *cmd, const char *name, size_t len,
                                     bool is_letter)
{
    const cli_option *o = NULL;

    for (size_t i = 0; (o = cli_option_at(cmd, i)); i++)
        if (is_letter ? o->letter == *name : strlen(o->name) == len && !strncmp(o->name, name, len))
            return o;
    return NULL;
}

/* The option as the commands that may still be meant have it; all must agree on what it takes. */
static const cli_option *lookup(const cli *c, const char *name, size_t len, bool is_letter,
                                bool *ret_ambiguous)
{
    size_t used = 0;
    const cli_command *exact = cli_find(c->words, c->n_words, &used);
    const cli_option *found = NULL;
    bool more = false;

    if (exact || !c->n_words)
        found = find_option(exact, name, len, is_letter);
    if (exact || found)
        return found;
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        const cli_option *o = NULL;
        if (!path_begins(cmd->path, c->words, c->n_words, &more) ||
            !(o = find_option(cmd, name, len, is_letter)))
            continue;
        *ret_ambiguous = *ret_ambiguous || (found && (!found->arg != !o->arg));
        found = found ? found : o;
    }
    return found ? found : find_option(NULL, name, len, is_letter);
}

static int unknown_option(const cli *c, const char *text, bool ambiguous, imgrel_error *err)
{
    size_t used = 0;
    const cli_command *cmd = cli_find(c->words, c->n_words, &used);

    if (ambiguous)
        return cli_fail(err, IMGREL_EINVAL, "put it after the command's words",
                        "%s means different things to different commands", text);
    return cli_fail(err, IMGREL_EINVAL, "see imgrel --help, or imgrel COMMAND --help",
                    "unknown option %s%s%s", text, cmd ? " of " : "", cmd ? cmd->path : "");
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);

    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == len && !strncmp(p, value, len))
            return true;
    return false;
}

/* argv[*at] is an option; *at is moved on when its value is the next word. */
static int take_option(cli *c, int argc, char **argv, int *at, imgrel_error *err)
{
    const char *text = argv[*at], *value = NULL;
    bool letter = text[1] != '-', ambiguous = false;
    const char *name = text + (letter ? 1 : 2);
    size_t len = letter ? 1 : strcspn(name, "=");
    const cli_option *o = lookup(c, name, len, letter, &ambiguous);

    if (!o || ambiguous)
        return unknown_option(c, text, ambiguous, err);
    if (name[len])
        value = name + len + (name[len] == '=');
    if (!o->arg && value)
        return cli_fail(err, IMGREL_EINVAL, NULL, "option --%s takes no value", o->name);
    if (o->arg && !value && ++*at < argc)
        value = argv[*at];
    if (o->arg && !value)
        return cli_fail(err, IMGREL_EINVAL, NULL, "option --%s needs %s", o->name, o->arg);
    if (o->choices && !is_choice(o->choices, value))
        return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: it must be one of %s", o->name, value,
                        o->choices);
    if (c->n_given == CLI_WORDS_MAX)
        return cli_fail(err, IMGREL_EINVAL, NULL, "too many options");
    c->given[c->n_given++] = (cli_given){ o, value };
    return 0;
}

/* "SRC DST...", "[FILE]": how many words they are. */
static void count_args(const char *args, size_t *ret_min, size_t *ret_max)
{
    *ret_min = *ret_max = 0;
    for (const char *p = args; *p;) {
        size_t len = strcspn(p, " ");
        *ret_min += *p != '[';
        ++*ret_max;
        if (len > 3 && !strncmp(p + len - 3, "...", 3))
            *ret_max = CLI_WORDS_MAX;
        p += len;
        p += strspn(p, " ");
    }
}

static int find_command(cli *c, imgrel_error *err)
{
    size_t used = 0, min = 0, max = 0;
    bool more = false;
    int known = 0;

    c->command = cli_find(c->words, c->n_words, &used);
    if (c->command) {
        c->n_words -= used;
        memmove(c->words, c->words + used, c->n_words * sizeof *c->words);
        count_args(c->command->args, &min, &max);
        if (!c->help && (c->n_words < min || c->n_words > max))
            return cli_fail(err, IMGREL_EINVAL, NULL, "usage: imgrel %s%s%s", c->command->path,
                            *c->command->args ? " " : "", c->command->args);
        return 0;
    }
    if (c->help)
        return 0;
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++)
        known |= path_begins(cmd->path, c->words, c->n_words, &more);
    if (!c->n_words)
        return cli_fail(err, IMGREL_EINVAL, "see imgrel --help", "no command");
    if (known)
        return cli_fail(err, IMGREL_EINVAL, "the same with --help lists them",
                        "imgrel %s%s%s: a word is missing", c->words[0], c->n_words > 1 ? " " : "",
                        c->n_words > 1 ? c->words[1] : "");
    return cli_fail(err, IMGREL_EINVAL, "see imgrel --help", "no command %s%s%s", c->words[0],
                    c->n_words > 1 ? " " : "", c->n_words > 1 ? c->words[1] : "");
}

int cli_parse(cli *c, int argc, char **argv, imgrel_error *err)
{
    bool options = true;
    int rc = 0;

    for (int i = 1; i < argc && !rc; i++) {
        if (options && !strcmp(argv[i], "--"))
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            rc = take_option(c, argc, argv, &i, err);
        else if (c->n_words == CLI_WORDS_MAX)
            rc = cli_fail(err, IMGREL_EINVAL, NULL, "too many words");
        else
            c->words[c->n_words++] = argv[i];
    }
    c->help = cli_has(c, "help");
    c->json = cli_has(c, "json");
    c->quiet = cli_has(c, "quiet");
    return rc ? rc : find_command(c, err);
}

const char *cli_nth(const cli *c, const char *name, size_t i)
{
    for (size_t k = 0; k < c->n_given; k++)
        if (!strcmp(c->given[k].option->name, name) && i-- == 0)
            return c->given[k].value;
    return NULL;
}

const char *cli_value(const cli *c, const char *name)
{
    const char *value = NULL;

    for (size_t k = 0; k < c->n_given; k++)
        if (!strcmp(c->given[k].option->name, name))
            value = c->given[k].value;
    return value;
}

bool cli_has(const cli *c, const char *name)
{
    for (size_t k = 0; k < c->n_given; k++)
        if (!strcmp(c->given[k].option->name, name))
            return true;
    return false;
}

int cli_number(const cli *c, const char *name, long min, long max, long dflt, long *ret,
               imgrel_error *err)
{
    const char *text = cli_value(c, name);
    char *end = NULL;

    *ret = dflt;
    if (!text)
        return 0;
    errno = 0;
    *ret = strtol(text, &end, 10);
    if (errno || end == text || *end || *ret < min || *ret > max)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: it must be a number from %ld to %ld",
                        name, text, min, max);
    return 0;
}

int64_t cli_duration(const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 },
    };
    char *end = NULL;
    unsigned long n = 0;

    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    n = strtoul(text, &end, 10);
    for (size_t i = 0; !errno && n < 1000000000 && i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].unit))
            return (int64_t)n * units[i].ms;
    return -1;
}
