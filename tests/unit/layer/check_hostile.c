/* check_hostile.c - layers that want out (hostile.py makes them): whether they are refused or laid
 * down, by themselves or through a merge, nothing outside the root is made, changed or removed. */
#include "support.h"

#include "base/str.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void hostile(const char *name, ir_buf *out)
{
    const char *const argv[] = {"python3", UNIT_DIR "/layer/hostile.py", name, NULL};
    ck_assert_msg(support_run(argv, NULL, 0, out), "python3 is not there");
}

static void clean_box(void)
{
    imgrel_error err = {0};
    unit_ok(ir_rmtree(support_path("box"), &err), &err);
    unit_ok(ir_mkdirs(support_path("box/in/root"), 0755, &err), &err);
    support_file("box/in/victim", "safe", 0644);
    support_file("box/victim", "safe", 0644);
}

static int names_in(const char *path)
{
    int n = 0;
    DIR *d = opendir(support_path(path));
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void untouched(const char *what)
{
    static const char *const victims[] = {"box/victim", "box/in/victim"};
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        imgrel_error err = {0};
        IR_AUTO(ir_buf) b = IR_BUF(100);
        ck_assert_msg(stat(support_path(victims[i]), &st) == 0, "%s removed a file", what);
        ck_assert_msg(st.st_nlink == 1, "%s made a name for a file", what);
        unit_ok(ir_file_read(support_path(victims[i]), &b, &err), &err);
        ck_assert_str_eq(ir_buf_str(&b), "safe");
    }
    ck_assert_msg(names_in("box") == 2 && names_in("box/in") == 2, "%s made a file", what);
    ck_assert_msg(access("/tmp/imgrel-evil", F_OK) != 0, "%s made a file in /tmp", what);
}

static int lay(const ir_buf *tar, imgrel_error *err)
{
    support_in in = {tar->p, tar->len, 0, 4000};
    return ir_layer_extract(&support_call, support_read, &in, support_path("box/in/root"), err);
}

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "tar");
}

/* Over a layer that has something to be linked to, in one. */
static int merged(const ir_buf *tar, ir_buf *out, imgrel_error *err)
{
    made low;
    char digest[IR_DIGEST_MAX];
    made_begin(&low);
    made_add(&low, 'f', "victim", "inside", 0644);
    made_end(&low);
    const ir_buf *const layers[] = {&low.b, tar};
    ir_desc descs[2] = {{0}};
    ir_layer_at at[2];
    for (size_t i = 0; i < 2; i++) { /* inline data needs no store */
        unit_ok(ir_hash_bytes(layers[i]->p, layers[i]->len, digest, err), err);
        ck_assert_int_eq(ir_desc_set(&descs[i], IR_MT_OCI_LAYER, digest, (int64_t)layers[i]->len),
                         0);
        descs[i].data = layers[i]->p;
        descs[i].data_len = layers[i]->len;
        at[i] = (ir_layer_at){NULL, &descs[i]};
    }
    int rc = ir_layers_merge(&support_call, at, 2, -1, to_buf, out, err);
    for (size_t i = 0; i < 2; i++) {
        descs[i].data = NULL;
        ir_desc_free(&descs[i]);
    }
    ir_buf_free(&low.b);
    return rc;
}

static void try_one(const char *name)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) tar = IR_BUF(16 << 20);
    IR_AUTO(ir_buf) one = IR_BUF(64 << 20);
    hostile(name, &tar);
    clean_box();
    int rc = lay(&tar, &err);
    ck_assert_msg(rc == err.code, "%s: %d, not %d", name, rc, err.code);
    untouched(name);
    err = (imgrel_error){0};
    clean_box();
    rc = merged(&tar, &one, &err);
    ck_assert_msg(rc == err.code, "%s: merged: %d, not %d", name, rc, err.code);
    if (rc == 0)
        (void)!lay(&one, &err);
    untouched(name);
}

START_TEST(nothing_gets_out)
{
    IR_AUTO(ir_buf) list = IR_BUF(10000);
    ir_strv names = {0};
    support_begin();
    hostile(NULL, &list);
    ck_assert_int_eq(ir_strv_split(&names, ir_buf_str(&list), '\n'), 0);
    ck_assert_uint_ge(names.n, 28);
    for (size_t i = 0; i < names.n; i++)
        try_one(names.v[i]);
    ir_strv_free(&names);
    support_end();
}
END_TEST

START_TEST(refusals_say_why)
{
    static const struct {
        const char *name, *word;
        int code;
    } v[] = {
        {"negative-size", "", IMGREL_EPROTO},
        {"huge-size", "", IMGREL_EPROTO},
        {"pax-path", "leads out", IMGREL_EPROTO},
        {"pax-path-absolute", "absolute", IMGREL_EPROTO},
        {"pax-link", "leads out", IMGREL_EPROTO},
        {"many-slashes", "leads out", IMGREL_EPROTO},
        {"dots", "leads out", IMGREL_EPROTO},
        {"long-name", "longer than", IMGREL_ELIMIT},
        {"cut", "", IMGREL_EPROTO},
        {"whiteout-dots", "not a whiteout", IMGREL_EPROTO},
    };
    support_begin();
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        imgrel_error err = {0}, merge_err = {0};
        IR_AUTO(ir_buf) tar = IR_BUF(16 << 20);
        IR_AUTO(ir_buf) one = IR_BUF(64 << 20);
        hostile(v[i].name, &tar);
        clean_box();
        int rc = lay(&tar, &err), merge_rc = merged(&tar, &one, &merge_err);
        ck_assert_msg(rc == v[i].code, "%s: %d: %s", v[i].name, rc, err.message);
        ck_assert_msg(merge_rc == v[i].code, "%s: %d: %s", v[i].name, merge_rc, merge_err.message);
        unit_error(&err, v[i].code, v[i].word);
        unit_error(&merge_err, v[i].code, v[i].word);
    }
    support_end();
}
END_TEST

UNIT_SUITE(hostile, nothing_gets_out, refusals_say_why)
