/* check_merge.c - several layers as one: what laying them down one after the other gives, the
 * merged tar must give too. */
#include "support.h"

#include "base/str.h"
#include "oci/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS 4

/* ---- a stack of layers ---------------------------------------------------------------------- */

typedef struct stack {
    made v[LAYERS];
    size_t n;
} stack;

static made *layer(stack *s)
{
    made_begin(&s->v[s->n]);
    return &s->v[s->n++];
}

static void stack_free(stack *s)
{
    for (size_t i = 0; i < s->n; i++)
        ir_buf_free(&s->v[i].b);
}

static ir_store *layout(const stack *s, ir_desc *descs)
{
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    ir_store *store = NULL;
    char *name = ir_format("oci:%s", support_path("layout"));
    unit_ok(ir_ref_parse(name, &ref, &err), &err);
    free(name);
    unit_ok(ir_store_open(&support_call, &ref, IR_STORE_READ | IR_STORE_WRITE, &store, &err), &err);
    for (size_t i = 0; i < s->n; i++) {
        char digest[IR_DIGEST_MAX];
        const ir_buf *b = &s->v[i].b;
        const ir_body body = {.p = b->p, .len = b->len};
        unit_ok(ir_hash_bytes(b->p, b->len, digest, &err), &err);
        ck_assert_int_eq(ir_desc_set(&descs[i], IR_MT_OCI_LAYER, digest, (int64_t)b->len), 0);
        unit_ok(ir_store_blob_put(store, &support_call, &descs[i], &body, NULL, NULL, &err), &err);
    }
    return store;
}

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "tar");
}

static int merged(const stack *s, int64_t newest, ir_buf *out, imgrel_error *err)
{
    ir_desc descs[LAYERS] = {{0}};
    ir_layer_at at[LAYERS];
    ir_store *store = layout(s, descs);
    for (size_t i = 0; i < s->n; i++)
        at[i] = (ir_layer_at){store, &descs[i]};
    int rc = ir_layers_merge(&support_call, at, s->n, newest, to_buf, out, err);
    for (size_t i = 0; i < s->n; i++)
        ir_desc_free(&descs[i]);
    ir_store_free(store);
    return rc;
}

static int lay(const ir_buf *tar, const char *root, imgrel_error *err)
{
    support_in in = {tar->p, tar->len, 0, 5000};
    return ir_layer_extract(&support_call, support_read, &in, root, err);
}

/* ---- trees as text -------------------------------------------------------------------------- */

typedef struct inode {
    ino_t ino;
    char first[256];
} inode;

typedef struct tree {
    ir_buf out;
    inode seen[256];
    size_t n_seen;
} tree;

static const char *first_name(tree *t, ino_t ino, const char *path)
{
    for (size_t i = 0; i < t->n_seen; i++)
        if (t->seen[i].ino == ino)
            return t->seen[i].first;
    ck_assert_uint_lt(t->n_seen, 256);
    t->seen[t->n_seen].ino = ino;
    snprintf(t->seen[t->n_seen].first, sizeof t->seen->first, "%s", path);
    return t->seen[t->n_seen++].first;
}

static void tell(tree *t, const char *root, const char *path, const struct stat *st)
{
    char link[256] = "";
    /* A folder that no layer has an entry for stays behind empty, when its files are hidden. */
    if (S_ISDIR(st->st_mode) && (st->st_mode & 07777) == 0755)
        return;
    char *full = ir_format("%s/%s", root, path);
    ir_buf_addf(&t->out, "%s %o", path, (unsigned)st->st_mode);
    if (!S_ISDIR(st->st_mode))
        ir_buf_addf(&t->out, " %lld %s", (long long)st->st_mtime, first_name(t, st->st_ino, path));
    if (S_ISLNK(st->st_mode)) {
        ck_assert(readlink(full, link, sizeof link - 1) >= 0);
        ir_buf_addf(&t->out, " -> %s", link);
    }
    if (S_ISREG(st->st_mode)) {
        imgrel_error err = {0};
        IR_AUTO(ir_buf) b = IR_BUF(1 << 20);
        unit_ok(ir_file_read(full, &b, &err), &err);
        ir_buf_addf(&t->out, " \"%s\"", ir_buf_str(&b));
    }
    ir_buf_adds(&t->out, "\n");
    free(full);
}

static void walk(tree *t, const char *root, const char *path)
{
    ir_strv names = {0};
    char *full = ir_format("%s/%s", root, path);
    DIR *d = opendir(full);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ck_assert_int_eq(ir_strv_add(&names, e->d_name), 0);
    closedir(d);
    free(full);
    ir_strv_sort(&names);
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        char *sub = ir_format("%s%s%s", path, *path ? "/" : "", names.v[i]);
        full = ir_format("%s/%s", root, sub);
        ck_assert_int_eq(lstat(full, &st), 0);
        tell(t, root, sub, &st);
        if (S_ISDIR(st.st_mode))
            walk(t, root, sub);
        free(full);
        free(sub);
    }
    ir_strv_free(&names);
}

static char *tree_of(const char *root)
{
    tree t = {.out = IR_BUF(1 << 20)};
    walk(&t, support_path(root), "");
    return ir_buf_take(&t.out);
}

/* Both ways, compared; false: the stack cannot be laid down (then it cannot be merged either). */
static bool same_both_ways(stack *s, const char *what)
{
    imgrel_error err = {0}, merge_err = {0};
    IR_AUTO(ir_buf) tar = IR_BUF(64 << 20);
    int rc = 0;
    unit_ok(ir_rmtree(support_path("one"), &err), &err);
    unit_ok(ir_rmtree(support_path("two"), &err), &err);
    unit_ok(ir_mkdirs(support_path("one"), 0755, &err), &err);
    unit_ok(ir_mkdirs(support_path("two"), 0755, &err), &err);
    for (size_t i = 0; i < s->n; i++)
        made_end(&s->v[i]);
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        rc = lay(&s->v[i].b, support_path("one"), &err);
    int merge_rc = merged(s, -1, &tar, &merge_err);
    if (rc == 0) {
        ck_assert_msg(merge_rc == 0, "%s: %s", what, merge_err.message);
        ck_assert_msg(lay(&tar, support_path("two"), &merge_err) == 0, "%s: %s", what,
                      merge_err.message);
        char *one = tree_of("one"), *two = tree_of("two");
        ck_assert_msg(strcmp(one, two) == 0, "%s:\n%s--- merged:\n%s", what, one, two);
        free(one);
        free(two);
    }
    stack_free(s);
    return rc == 0;
}

/* ---- the tests ------------------------------------------------------------------------------ */

START_TEST(whiteouts_are_applied)
{
    support_begin();
    stack s = {0};
    made *m = layer(&s);
    made_add(m, 'd', "etc", NULL, 0700);
    made_add(m, 'f', "etc/a", "1", 0644);
    made_add(m, 'f', "etc/b", "1", 0644);
    made_add(m, 'f', "var/log/x", "1", 0644);
    made_add(m, 'f', "var/log/y", "1", 0644);
    made_add(m, 'd', "gone", NULL, 0755);
    made_add(m, 'f', "gone/deep/file", "1", 0644);
    made_add(m, 'f', "was/folder", "1", 0644);
    m = layer(&s);
    made_add(m, 'f', "etc/.wh.a", "", 0644);
    made_add(m, 'f', "var/log/new", "2", 0644);
    made_add(m, 'f', "var/log/.wh..wh..opq", "", 0644);
    made_add(m, 'f', ".wh.gone", "", 0644);
    made_add(m, 'f', "was", "a file now", 0644);
    m = layer(&s);
    made_add(m, 'd', "etc", NULL, 0755);
    made_add(m, 'f', "etc/a", "back", 0600);
    made_add(m, 'f', "gone/again", "3", 0644);
    ck_assert(same_both_ways(&s, "whiteouts"));
    ck_assert_int_ne(access(support_path("two/gone/deep"), F_OK), 0);
    ck_assert_int_ne(access(support_path("two/var/log/x"), F_OK), 0);
    ck_assert_int_eq(access(support_path("two/gone/again"), F_OK), 0);
    support_end();
}
END_TEST

START_TEST(hard_links_over_layers)
{
    struct stat a, b;
    support_begin();
    stack s = {0};
    made *m = layer(&s);
    made_add(m, 'f', "bin/tool", "tool", 0755);
    made_add(m, 'h', "bin/same", "bin/tool", 0755);
    made_add(m, 'f', "low", "of the lowest", 0644);
    made_add(m, 'f', "kept", "seen through a link only", 0644);
    made_add(m, 'h', "window", "kept", 0644);
    made_add(m, 'h', "window2", "window", 0644);
    m = layer(&s);
    made_add(m, 'h', "to-low", "low", 0644);
    made_add(m, 'h', "to-low-2", "to-low", 0644);
    made_add(m, 'f', ".wh.low", "", 0644);
    made_add(m, 'f', "kept", "another file", 0644);
    m = layer(&s);
    made_add(m, 'f', "bin/tool", "new tool", 0755);
    ck_assert(same_both_ways(&s, "hard links"));
    ck_assert_int_eq(stat(support_path("two/window"), &a), 0);
    ck_assert_int_eq(stat(support_path("two/window2"), &b), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_int_eq(stat(support_path("two/bin/same"), &a), 0);
    ck_assert_uint_eq(a.st_nlink, 1);
    support_end();
}
END_TEST

START_TEST(links_inside_a_layer_are_followed)
{
    support_begin();
    stack s = {0};
    made *m = layer(&s);
    made_add(m, 'f', "usr/lib/a", "old", 0644);
    made_add(m, 'f', "real/x", "x", 0644);
    m = layer(&s);
    made_add(m, 'd', "usr/lib", NULL, 0755);
    made_add(m, 'l', "lib", "usr/lib", 0777);
    made_add(m, 'f', "lib/a", "new", 0644);
    made_add(m, 'l', "abs", "/usr", 0777);
    made_add(m, 'f', "abs/lib/b", "b", 0644);
    made_add(m, 'h', "hard", "abs/lib/b", 0644);
    ck_assert(same_both_ways(&s, "links"));
    support_end();
}
END_TEST

static int refused(stack *s, const char *word)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) tar = IR_BUF(64 << 20);
    for (size_t i = 0; i < s->n; i++)
        made_end(&s->v[i]);
    int rc = merged(s, -1, &tar, &err);
    unit_error(&err, rc, word);
    stack_free(s);
    return rc;
}

START_TEST(what_leads_out_is_refused)
{
    support_begin();
    static const struct {
        char type;
        const char *path, *more, *word;
    } bad[] = {{'f', "../x", "", "leads out"},
               {'f', "/etc/passwd", "", "absolute"},
               {'h', "x", "../../etc/passwd", "leads out"},
               {'h', "x", "/etc/passwd", "absolute"},
               {'h', "x", "none", "no layer has"},
               {'f', "a/.wh...", "", "not a whiteout"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stack s = {0};
        made_add(layer(&s), bad[i].type, bad[i].path, bad[i].more, 0644);
        ck_assert_int_eq(refused(&s, bad[i].word), IMGREL_EPROTO);
    }
    stack s = {0};
    made *m = layer(&s);
    made_add(m, 'l', "a", "b", 0777);
    made_add(m, 'l', "b", "a", 0777);
    made_add(m, 'f', "a/x", "", 0644);
    ck_assert_int_eq(refused(&s, "circle"), IMGREL_EPROTO);
    support_end();
}
END_TEST

START_TEST(no_time_is_later)
{
    struct stat st;
    support_begin();
    stack s = {0};
    imgrel_error err = {0};
    IR_AUTO(ir_buf) tar = IR_BUF(64 << 20);
    made_add(layer(&s), 'f', "x", "x", 0644);
    made_end(&s.v[0]);
    unit_ok(merged(&s, 1000, &tar, &err), &err);
    unit_ok(ir_mkdirs(support_path("root"), 0755, &err), &err);
    unit_ok(lay(&tar, support_path("root"), &err), &err);
    ck_assert_int_eq(stat(support_path("root/x"), &st), 0);
    ck_assert_int_eq(st.st_mtime, 1000);
    stack_free(&s);
    support_end();
}
END_TEST

static unsigned dice(unsigned *state, unsigned n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 16) % n;
}

/* Names that meet each other as files, folders, links and whiteouts; each once in a layer. */
static void random_entry(made *m, unsigned *state, unsigned k, unsigned *used)
{
    static const char *const names[] = {"a", "b", "a/x", "a/y", "b/x", "b/y/z", "c", "a/x/q"};
    static const char *const whites[] = {".wh.a",   ".wh.b",          "a/.wh.x",   "a/.wh..wh..opq",
                                         "b/.wh.y", "b/.wh..wh..opq", "b/y/.wh.z", ".wh.c"};
    char text[32];
    unsigned at = dice(state, 8);
    const char *name = names[at];
    snprintf(text, sizeof text, "%u", k);
    if (*used & 1u << at)
        return;
    *used |= 1u << at;
    switch (dice(state, 8)) {
    case 0:
        made_add(m, 'd', name, NULL, dice(state, 2) ? 0755 : 0700);
        break;
    case 1:
        made_add(m, 'l', name, "nowhere", 0777);
        break;
    case 2:
    case 3:
        made_add(m, 'h', name, names[dice(state, 8)], 0644);
        break;
    case 4:
        made_add(m, 'f', whites[dice(state, 8)], "", 0644);
        break;
    default:
        made_add(m, 'f', name, text, 0644);
    }
}

START_TEST(any_stack_that_can_be_laid_down)
{
    unsigned good = 0, state = 20261122;
    support_begin();
    for (unsigned i = 0; i < 4000 && good < 150; i++) {
        char what[32];
        stack s = {0};
        snprintf(what, sizeof what, "stack %u", i);
        for (unsigned k = 0; k < LAYERS; k++) {
            made *m = layer(&s);
            unsigned used = 0;
            for (unsigned n = dice(&state, 4); n > 0; n--)
                random_entry(m, &state, i * 100 + k * 10 + n, &used);
        }
        good += same_both_ways(&s, what);
    }
    ck_assert_uint_ge(good, 150);
    support_end();
}
END_TEST

UNIT_SUITE(merge, whiteouts_are_applied, hard_links_over_layers, links_inside_a_layer_are_followed,
           what_leads_out_is_refused, no_time_is_later, any_stack_that_can_be_laid_down)
