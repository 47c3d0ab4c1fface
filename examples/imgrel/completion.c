/* completion.c - completions for bash, zsh and fish, printed from the table. A shell is given, for
 * each beginning of a command, the words that may follow and the options; what an option takes is
 * one of its choices or a file. */
#include "cli.h"

#include <string.h>

typedef struct beginning {
    const char *path;
    size_t len;
} beginning;

static bool same(beginning a, beginning b)
{
    return a.len == b.len && !strncmp(a.path, b.path, a.len);
}

/* The i-th beginning ("", "harbor", "harbor project", ...) of a path; false past the whole path. */
static bool nth_beginning(const char *path, size_t i, beginning *ret)
{
    const char *p = path;

    *ret = (beginning){ path, 0 };
    for (; i; i--) {
        if (!*p)
            return false;
        p += strcspn(p, " ");
        ret->len = (size_t)(p - path);
        p += *p == ' ';
    }
    return true;
}

/* Whether an earlier command of the table has this beginning too, with the same next word if next.
 */
static bool seen(const cli_command *until, size_t depth, beginning b)
{
    beginning other;

    for (const cli_command *cmd = cli_commands; cmd < until; cmd++)
        if (nth_beginning(cmd->path, depth, &other) && same(other, b))
            return true;
    return false;
}

/* The words that may follow a beginning. */
static void next_words(beginning b, size_t depth)
{
    beginning here, next;

    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        if (!nth_beginning(cmd->path, depth, &here) || !same(here, b) ||
            !nth_beginning(cmd->path, depth + 1, &next) || seen(cmd, depth + 1, next))
            continue;
        const char *word = next.path + b.len + (b.len ? 1 : 0);
        printf(" %.*s", (int)(next.path + next.len - word), word);
    }
}

/* A command's options, or for the beginning of several those of their noun. */
static void option_words(const cli_command *cmd, bool whole, size_t depth)
{
    const cli_option *o = NULL;

    for (o = whole || !depth ? NULL : cmd->shared; o && o->name; o++)
        printf(" --%s", o->name);
    for (size_t i = 0; (o = cli_option_at(whole ? cmd : NULL, i)); i++)
        printf(" --%s", o->name);
}

/* One case a beginning: its words, and the options where it is a whole command. */
static void cases(void)
{
    beginning b;

    for (const cli_command *cmd = cli_commands; cmd->path; cmd++)
        for (size_t depth = 0; nth_beginning(cmd->path, depth, &b); depth++) {
            if (seen(cmd, depth, b))
                continue;
            printf("    '%.*s') nexts='", (int)b.len, b.path);
            next_words(b, depth);
            printf("' opts='");
            option_words(cmd, b.len == strlen(cmd->path), depth);
            puts("' ;;");
        }
}

static void choices(const char *text)
{
    for (; *text; text++)
        putchar(*text == '|' ? ' ' : *text);
}

/* One case an option of a command that has choices; the global ones stand for every command. */
static void values(void)
{
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        const cli_option *const lists[] = { cmd->options, cmd->shared };
        for (size_t l = 0; l < 2; l++)
            for (const cli_option *o = lists[l]; o && o->name; o++)
                if (o->choices) {
                    printf("    '%s --%s') vals='", cmd->path, o->name);
                    choices(o->choices);
                    puts("' ;;");
                }
    }
    for (const cli_option *o = cli_globals; o->name; o++)
        if (o->choices) {
            printf("    *' --%s') vals='", o->name);
            choices(o->choices);
            puts("' ;;");
        }
}

static bool named_before(const cli_command *until, size_t index, const char *name)
{
    const cli_option *o = NULL;

    for (const cli_command *cmd = cli_commands; cmd <= until; cmd++)
        for (size_t i = 0; (o = cli_option_at(cmd, i)) && (cmd < until || i < index); i++)
            if (!strcmp(o->name, name))
                return true;
    return false;
}

/* Every long option that takes a value; it does so wherever it is known. */
static void takes_value(void)
{
    const cli_option *o = NULL;

    fputs("    -u", stdout);
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++)
        for (size_t i = 0; (o = cli_option_at(cmd, i)); i++)
            if (o->arg && !named_before(cmd, i, o->name))
                printf("|--%s", o->name);
    puts(") return 0 ;;");
}

/* What bash and zsh share: from the words so far to the next words, options and values; it fails
 * unless a value comes next. Names are ones that neither shell uses itself. */
static void finder(void)
{
    puts("_imgrel_find() {\n"
         "  local at='' word next last='' on=1 skip=0\n"
         "  for word in \"$@\"; do\n"
         "    if [ $skip = 1 ]; then skip=0; continue; fi\n"
         "    last=$word\n"
         "    case \"$word\" in -*)\n"
         "      if _imgrel_takes \"$word\"; then skip=1; fi\n"
         "      continue ;;\n"
         "    esac\n"
         "    next=\"${at:+$at }$word\"\n"
         "    if [ $on = 1 ] && _imgrel_case \"$next\"; then at=$next; else on=0; fi\n"
         "  done\n"
         "  vals=''\n"
         "  _imgrel_case \"$at\"\n"
         "  [ $on = 1 ] || nexts=''\n"
         "  case \"$at $last\" in");
    values();
    puts("  esac\n"
         "  [ $skip = 1 ]\n"
         "}\n"
         "_imgrel_case() {\n"
         "  case \"$1\" in");
    cases();
    puts("    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "_imgrel_takes() {\n"
         "  case \"$1\" in");
    takes_value();
    puts("    *) return 1 ;;\n"
         "  esac\n"
         "}");
}

static void bash(void)
{
    puts("# bash completion of imgrel; made by `imgrel completion bash`");
    finder();
    puts("_imgrel() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} nexts opts vals\n"
         "  if _imgrel_find \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; then\n"
         "    if [ -n \"$vals\" ]; then COMPREPLY=($(compgen -W \"$vals\" -- \"$cur\"))\n"
         "    else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
         "  elif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
         "  elif [ -n \"$nexts\" ]; then COMPREPLY=($(compgen -W \"$nexts\" -- \"$cur\"))\n"
         "  else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
         "}\n"
         "complete -F _imgrel imgrel");
}

static void zsh(void)
{
    puts("#compdef imgrel\n# zsh completion of imgrel; made by `imgrel completion zsh`");
    finder();
    puts(
        "_imgrel() {\n"
        "  local nexts opts vals cur=${words[CURRENT]}\n"
        "  if _imgrel_find \"${(@)words[2,CURRENT-1]}\"; then\n"
        "    if [[ -n $vals ]]; then compadd -- ${=vals}; else _files; fi\n"
        "  elif [[ $cur == -* ]]; then compadd -- ${=opts}\n"
        "  elif [[ -n $nexts ]]; then compadd -- ${=nexts}\n"
        "  else _files; fi\n"
        "}\n"
        "if [ \"$funcstack[1]\" = _imgrel ]; then _imgrel \"$@\"; else compdef _imgrel imgrel; fi");
}

static void fish_quote(const char *s)
{
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            putchar('\\');
        putchar(*s);
    }
    putchar('\'');
}

static void fish_option(const cli_option *o, const char *condition)
{
    fputs("complete -c imgrel", stdout);
    if (*condition)
        printf(" -n '__imgrel_in %s'", condition);
    printf(" -l %s", o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->choices) {
        fputs(" -x -a '", stdout);
        choices(o->choices);
        putchar('\'');
    } else if (o->arg) {
        fputs(" -r", stdout);
    }
    fputs(" -d ", stdout);
    fish_quote(o->help);
    putchar('\n');
}

static void fish(void)
{
    beginning b;

    puts("# fish completion of imgrel; made by `imgrel completion fish`\n"
         "function __imgrel_at\n"
         "  set -l words (commandline -opc | string match -v -- '-*')\n"
         "  test \"$words[2..-1]\" = \"$argv\"\n"
         "end\n"
         "function __imgrel_in\n"
         "  set -l words (commandline -opc | string match -v -- '-*')\n"
         "  string match -q -- \"$argv*\" \"$words[2..-1]\"\n"
         "end");
    for (const cli_option *o = cli_globals; o->name; o++)
        fish_option(o, "");
    for (const cli_command *cmd = cli_commands; cmd->path; cmd++) {
        for (size_t depth = 0; nth_beginning(cmd->path, depth, &b) && b.len < strlen(cmd->path);
             depth++) {
            if (seen(cmd, depth, b))
                continue;
            printf("complete -c imgrel -f -n '__imgrel_at %.*s' -a '", (int)b.len, b.path);
            next_words(b, depth);
            puts("'");
        }
        const cli_option *const lists[] = { cmd->options, cmd->shared };
        for (size_t l = 0; l < 2; l++)
            for (const cli_option *o = lists[l]; o && o->name; o++)
                fish_option(o, cmd->path);
    }
}

int cmd_completion(cli *c, imgrel_error *err)
{
    if (!strcmp(c->words[0], "bash"))
        bash();
    else if (!strcmp(c->words[0], "zsh"))
        zsh();
    else if (!strcmp(c->words[0], "fish"))
        fish();
    else
        return cli_fail(err, IMGREL_EINVAL, "shells are bash, zsh and fish", "no completion for %s",
                        c->words[0]);
    return 0;
}
