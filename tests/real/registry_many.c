/* registry_many.c - whole repositories and registries: what is chosen, what it costs again, and
 * what a failure leaves of the others. */
#include "hub.h"

#include "base/str.h"

#include <stdlib.h>
#include <unistd.h>

static void start(void)
{
    hub_start(0);
}

static const char *const tags[] = {"1.0.0",      "1.1.0", "1.2.0",   "1.10.0",
                                   "2.0.0-rc.1", "2.0.0", "nightly", "v3"};
#define N_TAGS (sizeof tags / sizeof *tags)

/* A repository with those tags, two of them for one image. */
static void fill(const char *repository, ir_desc d[N_TAGS])
{
    for (size_t i = 0; i < N_TAGS; i++) {
        char local[40], ref[80];
        snprintf(local, sizeof local, "made:%s", tags[i]);
        snprintf(ref, sizeof ref, "%s:%s", repository, tags[i]);
        hub_image("made", tags[i], 70 + (int)i / 2, &d[i]);
        hub_copied(hub_local("oci", local), hub_ref(ref), d[i].digest);
    }
}

static void drop(ir_desc d[N_TAGS])
{
    for (size_t i = 0; i < N_TAGS; i++)
        ir_desc_free(&d[i]);
}

typedef struct seen {
    int items, copied, planned, unchanged, failed, deleted, extra;
    int stop_at;
} seen;

static int watch(void *user, const imgrel_event *e)
{
    seen *s = user;
    imgrel_error err = {0};
    IR_AUTO(ir_json_p) j = NULL;
    if (e->kind != IMGREL_EVENT_ITEM)
        return 0;
    unit_ok(ir_json_parse(e->detail, strlen(e->detail), "item", &j, &err), &err);
    const char *state = ir_json_str(j, "state");
    ck_assert_ptr_nonnull(state);
    s->items++;
    s->copied += !strcmp(state, "copied");
    s->planned += !strcmp(state, "planned");
    s->unchanged += !strcmp(state, "unchanged");
    s->failed += !strcmp(state, "failed");
    s->deleted += !strcmp(state, "deleted");
    s->extra += !strcmp(state, "extra");
    ck_assert(strcmp(state, "failed") || ir_json_str(ir_json_get(j, "error"), "message"));
    return s->stop_at && s->items >= s->stop_at;
}

/* Runs a spec of which %s is where from and where to. The sum is the caller's. */
static ir_json *many(int want, seen *s, uint32_t flags, const char *from, const char *to,
                     const char *more)
{
    char *report = NULL, *spec = ir_format("{\"from\":\"%s\",\"to\":[\"%s\"]%s%s}", from, to,
                                           *more ? "," : "", more);
    imgrel_opts o = {IMGREL_OPTS, .progress = watch, .user = s, .flags = flags};
    ir_json *j = NULL;
    imgrel_error err = {0};
    *s = (seen){.stop_at = s->stop_at};
    hub_err = (imgrel_error){0};
    int rc = imgrel_copy_many(hub_client, spec, &o, &report, &hub_err);
    ck_assert_msg(rc == want, "%s: %d, wanted %d: %s", spec, rc, want, hub_err.message);
    ck_assert_int_eq(rc, hub_err.code);
    if (report)
        unit_ok(ir_json_parse(report, strlen(report), "report", &j, &err), &err);
    imgrel_free(report);
    free(spec);
    return j;
}

static int count_tags(const char *place)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int n = 0;
    unit_ok(imgrel_tags(hub_client, place, NULL, &it, &hub_err), &hub_err);
    while (imgrel_iter_next(it, &item, &hub_err) == 1)
        n++;
    imgrel_iter_free(it);
    return n;
}

START_TEST(all_tags_and_again)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    fill("all/src", d);
    hub_requests();
    ir_json *j = many(0, &s, 0, hub_ref("all/src"), hub_ref("all/dst"), "");
    ck_assert_int_eq(s.copied, N_TAGS);
    ck_assert_int_eq(ir_json_int(j, "copied", 0), N_TAGS);
    ck_assert_int_eq(ir_json_int(j, "failed", -1), 0);
    /* Four images of four layers and a config; what two tags share is not asked for twice. */
    ck_assert_int_eq(ir_json_int(ir_json_get(j, "blobs"), "mounted", 0), 4 * 5);
    /* The list, a HEAD, GET and PUT for each tag, and the mounts. */
    ck_assert_int_eq(hub_requests(), 1 + 3 * (int)N_TAGS + 4 * 5);
    ir_json_free(j);
    for (size_t i = 0; i < N_TAGS; i++) {
        char ref[80];
        snprintf(ref, sizeof ref, "all/dst:%s", tags[i]);
        hub_digest(hub_ref(ref), d[i].digest);
    }
    hub_requests();
    j = many(0, &s, 0, hub_ref("all/src"), hub_ref("all/dst"), "");
    ck_assert_int_eq(s.unchanged, N_TAGS);
    ck_assert_int_eq(hub_requests(), 1 + 2 * (int)N_TAGS); /* the list, and HEADs */
    ir_json_free(j);
    /* Into a layout, and from it into a registry. */
    j = many(0, &s, 0, hub_ref("all/src"), hub_local("oci", "all"), "");
    ck_assert_int_eq(s.copied, N_TAGS);
    ir_json_free(j);
    j = many(0, &s, 0, hub_local("oci", "all"), hub_ref("all/back"), "");
    ck_assert_int_eq(s.copied, N_TAGS);
    ir_json_free(j);
    hub_digest(hub_ref("all/back:v3"), d[N_TAGS - 1].digest);
    j = many(0, &s, 0, hub_local("oci", "all"), hub_local("oci-archive", "all.tar"), "");
    ck_assert_int_eq(count_tags(hub_local("oci-archive", "all.tar")), N_TAGS);
    ir_json_free(j);
    drop(d);
    hub_end();
}
END_TEST

START_TEST(patterns_choose)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    static const struct {
        const char *tags;
        int n;
    } table[] = {
        {"\"include\":[\"1.*\"]", 4},
        {"\"include\":[\"1.*\",\"v*\"],\"exclude\":[\"*.10.*\"]", 4},
        {"\"include\":[\"/^[0-9]+\\\\.[0-9]+\\\\.[0-9]+$/\"]", 5},
        {"\"exclude\":[\"/[a-z]/\"]", 5},
        {"\"versions\":\">=1.2 <2\"", 2},
        {"\"versions\":\"^1.1\",\"exclude\":[\"1.10.0\"]", 2},
        {"\"versions\":\">=2.0.0-rc\"", 3},
        {"\"latest\":2", 2},
        {"\"latest\":1,\"include\":[\"1.*\"]", 1},
        {"\"include\":[\"none*\"]", 0},
    };
    fill("pat/src", d);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char more[200];
        snprintf(more, sizeof more, "\"tags\":{%s}", table[i].tags);
        ir_json_free(
            many(0, &s, IMGREL_FLAG_DRY_RUN, hub_ref("pat/src"), hub_ref("pat/dst"), more));
        ck_assert_msg(s.planned == table[i].n && s.items == s.planned, "%s: %d", more, s.planned);
    }
    ir_json_free(many(0, &s, 0, hub_ref("pat/src"), hub_local("oci", "latest"),
                      "\"tags\":{\"latest\":1,\"versions\":\"1.x\"}"));
    hub_digest(hub_local("oci", "latest:1.10.0"), d[3].digest);
    static const char *const bad[][2] = {
        {"\"tags\":{\"include\":[\"/(/\"]}", "("},
        {"\"tags\":{\"include\":[\"/x\"]}", "slash"},
        {"\"tags\":{\"versions\":\"latest\"}", "range"},
        {"\"tags\":{\"latest\":-1}", "negative"},
        {"\"tags\":{\"what\":1}", "what"},
        {"\"repositories\":{\"latest\":1}", "tags"},
        {"\"map\":{\"a\":\"b\"}", "map"},
        {"\"to\":1", "to"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *from = strstr(bad[i][0], "repositories") ? hub_now.host : hub_ref("pat/src");
        ck_assert_ptr_null(many(IMGREL_EINVAL, &s, 0, from, hub_ref("pat/dst"), bad[i][0]));
        unit_error(&hub_err, IMGREL_EINVAL, bad[i][1]);
    }
    ck_assert_ptr_null(many(IMGREL_EINVAL, &s, 0, hub_ref("pat/src:1"), hub_ref("pat/dst"), ""));
    ck_assert_ptr_null(many(IMGREL_EINVAL, &s, 0, hub_ref("pat/src"), hub_ref("pat/src"), ""));
    unit_error(&hub_err, IMGREL_EINVAL, "itself");
    drop(d);
    hub_end();
}
END_TEST

START_TEST(a_dry_run_is_a_plan)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    fill("plan/src", d);
    ir_json *j =
        many(0, &s, IMGREL_FLAG_DRY_RUN, hub_ref("plan/src"), hub_local("oci", "plan"), "");
    ck_assert_int_eq(s.planned, N_TAGS);
    int64_t bytes = ir_json_int(j, "bytes", 0);
    ck_assert_int_gt(bytes, 4 * 2000000); /* four images, though eight tags */
    ck_assert_int_lt(bytes, 4 * 2100000);
    ck_assert_int_ne(access(support_path("plan"), F_OK), 0);
    ir_json_free(j);
    j = many(0, &s, 0, hub_ref("plan/src"), hub_local("oci", "plan"), "");
    ck_assert_int_eq(ir_json_int(j, "bytes", 0), bytes);
    ir_json_free(j);
    drop(d);
    hub_end();
}
END_TEST

/* Takes a layer of a tag's image out of the registry. */
static void break_image(const char *tag)
{
    IR_AUTO(ir_manifest) m = {0};
    char path[300], ref[60];
    snprintf(ref, sizeof ref, "made:%s", tag);
    ir_store *s = make_store("oci", ref, IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &hub_err), &hub_err);
    ir_store_free(s);
    const char *hex = ir_digest_hex(m.layers[1].digest);
    snprintf(path, sizeof path, "%s/data/docker/registry/v2/blobs/sha256/%.2s/%s", hub_now.dir, hex,
             hex);
    unit_ok(ir_rmtree(path, &hub_err), &hub_err);
}

START_TEST(one_failure_hides_no_other)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    fill("bad/src", d);
    break_image("1.0.0"); /* and 1.1.0, the same image */
    break_image("nightly");
    ir_json *j = many(IMGREL_EFAILED, &s, 0, hub_ref("bad/src"), hub_local("oci", "bad"),
                      "\"keep_going\":true,\"prune\":true");
    unit_error(&hub_err, IMGREL_EFAILED, "4 of 8");
    ck_assert_int_eq(s.failed, 4);
    ck_assert_int_eq(s.copied, 4);
    ck_assert_int_eq(ir_json_len(ir_json_get(j, "failures")), 4);
    ck_assert_str_eq(ir_json_str(ir_json_path(j, "failures.0.error"), "code"), "IMGREL_ENOTFOUND");
    ir_json_free(j);
    hub_digest(hub_local("oci", "bad:2.0.0"), d[5].digest);
    ck_assert_int_eq(count_tags(hub_local("oci", "bad")), 4);
    ck_assert_ptr_null(many(IMGREL_ENOTFOUND, &s, 0, hub_ref("bad/src"), hub_local("oci", "bad"),
                            "\"tags\":{\"include\":[\"nightly\"]}"));
    drop(d);
    hub_end();
}
END_TEST

START_TEST(prune_takes_what_matches_only)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    fill("prune/src", d);
    ir_json_free(many(0, &s, 0, hub_ref("prune/src"), hub_local("oci", "pruned"), ""));
    const char *more = "\"prune\":true,\"tags\":{\"versions\":\"1.x\",\"latest\":2}";
    ir_json *j =
        many(0, &s, IMGREL_FLAG_DRY_RUN, hub_ref("prune/src"), hub_local("oci", "pruned"), more);
    ck_assert_int_eq(s.extra, 2);
    ck_assert_int_eq(ir_json_int(j, "extra", 0), 2);
    ck_assert_int_eq(count_tags(hub_local("oci", "pruned")), N_TAGS);
    ir_json_free(j);
    ir_json_free(many(0, &s, 0, hub_ref("prune/src"), hub_local("oci", "pruned"), more));
    ck_assert_int_eq(s.deleted, 2); /* 1.0.0 and 1.1.0, not 2.0.0 */
    ck_assert_int_eq(count_tags(hub_local("oci", "pruned")), N_TAGS - 2);
    hub_digest(hub_local("oci", "pruned:2.0.0"), d[5].digest);
    /* A choice that is empty prunes nothing. */
    ir_json_free(many(0, &s, 0, hub_ref("prune/src"), hub_local("oci", "pruned"),
                      "\"prune\":true,\"tags\":{\"include\":[\"1.1*\"],\"versions\":\"9.x\"}"));
    ck_assert_int_eq(s.deleted, 0);
    drop(d);
    hub_end();
}
END_TEST

START_TEST(a_registry_by_its_catalog)
{
    hub_begin();
    seen s = {0};
    ir_desc d = {0};
    hub_image("made", "1", 90, &d);
    static const char *const repositories[] = {"cat/team/a:1", "cat/team/b:1", "cat/other/c:1"};
    for (size_t i = 0; i < 3; i++)
        hub_copied(hub_local("oci", "made:1"), hub_ref(repositories[i]), d.digest);
    const char *more = "\"repositories\":{\"include\":[\"cat/*\"],\"exclude\":[\"/other/\"]},"
                       "\"map\":{\"cat/team\":\"mine\",\"cat/team/b\":\"yours\"}";
    ir_json_free(many(0, &s, 0, hub_now.host, hub_ref("mirror"), more));
    ck_assert_int_eq(s.copied, 2);
    hub_digest(hub_ref("mirror/mine/a:1"), d.digest);
    hub_digest(hub_ref("mirror/yours:1"), d.digest);
    ir_json_free(many(0, &s, 0, hub_now.host, hub_local("oci", "tree"),
                      "\"repositories\":{\"include\":[\"cat/*\"]}"));
    ck_assert_int_eq(s.copied, 3);
    hub_digest(hub_local("oci", "tree/cat/other/c:1"), d.digest);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(what_is_stopped_goes_on_later)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {.stop_at = 2};
    fill("stop/src", d);
    ck_assert_ptr_null(
        many(IMGREL_ECANCELED, &s, 0, hub_ref("stop/src"), hub_local("oci", "stop"), ""));
    ck_assert_int_ge(s.copied, 2);
    s.stop_at = 0;
    ir_json_free(many(0, &s, 0, hub_ref("stop/src"), hub_local("oci", "stop"), ""));
    ck_assert_int_ge(s.unchanged, 2);
    ck_assert_int_eq(s.copied + s.unchanged, N_TAGS);
    ck_assert_int_eq(count_tags(hub_local("oci", "stop")), N_TAGS);
    drop(d);
    hub_end();
}
END_TEST

/* All shares together are all of it, and no tag is in two. */
START_TEST(shares_are_the_whole)
{
    hub_begin();
    ir_desc d[N_TAGS] = {{0}};
    seen s = {0};
    int copied = 0, shares_with_any = 0;
    fill("share/src", d);
    for (int i = 0; i < 3; i++) {
        char more[40];
        snprintf(more, sizeof more, "\"share\":\"%d/3\",\"prune\":true", i);
        ir_json_free(many(0, &s, 0, hub_ref("share/src"), hub_local("oci", "shared"), more));
        ck_assert_int_eq(s.unchanged + s.deleted, 0);
        copied += s.copied;
        shares_with_any += s.copied > 0;
    }
    ck_assert_int_eq(copied, N_TAGS);
    ck_assert_int_ge(shares_with_any, 2);
    ck_assert_int_eq(count_tags(hub_local("oci", "shared")), N_TAGS);
    static const char *const bad[] = {"3/3", "x/3", "1", "1/0", "-1/3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char more[40];
        snprintf(more, sizeof more, "\"share\":\"%s\"", bad[i]);
        ck_assert_ptr_null(many(IMGREL_EINVAL, &s, 0, hub_ref("share/src"),
                                hub_local("oci", "shared"), more));
        unit_error(&hub_err, IMGREL_EINVAL, "is not I/N");
    }
    drop(d);
    hub_end();
}
END_TEST

Suite *suite_many(void);
Suite *suite_many(void)
{
    const TTest *const tests[] = {all_tags_and_again,
                                  patterns_choose,
                                  a_dry_run_is_a_plan,
                                  one_failure_hides_no_other,
                                  prune_takes_what_matches_only,
                                  a_registry_by_its_catalog,
                                  shares_are_the_whole,
                                  what_is_stopped_goes_on_later};
    return hub_suite("many", start, tests, sizeof tests / sizeof *tests);
}
