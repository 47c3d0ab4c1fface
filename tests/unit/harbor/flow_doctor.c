/* flow_doctor.c - each thing that can stand in the way, found and named. */
#include "flow.h"

/* The row of a check: "state detail [cure]"; "" if there is none. Lives until mock_down. */
static const char *row(imgrel_harbor *h, const char *spec, const char *check)
{
    imgrel_error err = {0};
    char *text_ = NULL;
    const ir_json *rows = NULL;

    ck_assert_msg(!imgrel_harbor_doctor(h, spec, NULL, &text_, &err), "%s", err.message);
    rows = ir_json_get(flow_json(text_), "rows");
    imgrel_free(text_);
    for (size_t i = 0; i < ir_json_len(rows); i++)
        if (!strcmp(string_at(ir_json_at(rows, i), "check"), check))
            return text("%s %s [%s] %s", string_at(ir_json_at(rows, i), "state"),
                        string_at(ir_json_at(rows, i), "detail"),
                        string_at(ir_json_at(rows, i), "cure"),
                        string_at(ir_json_at(rows, i), "code"));
    return "";
}

#define HAS(row, word) ck_assert_msg(strstr(row, word) != NULL, "\"%s\" is not in: %s", word, row)

START_TEST(all_is_well)
{
    static const char *const checks[] = {"reach", "clock",   "health", "login", "version",
                                         "realm", "project", "rights", "quota"};
    flow f;

    flow_up(&f, versions[_i]);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        HAS(row(f.harbor, "{\"project\":\"p\",\"rights\":\"push\"}", checks[i]), "ok ");
    HAS(row(f.harbor, NULL, "version"), versions[_i]);
    ck_assert_str_eq(row(f.harbor, NULL, "project"), "");
    flow_refused(
        &f, imgrel_harbor_doctor(f.harbor, "{\"rights\":\"push\"}", NULL, &(char *){NULL}, &f.err),
        IMGREL_EINVAL, "which project");
    flow_down(&f);
}
END_TEST

START_TEST(what_is_wrong)
{
    const char *robot = NULL, *url = NULL;
    imgrel_harbor *h = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    HAS(row(f.harbor, "{\"project\":\"nope\"}", "project"), "fail project nope does not exist");
    robot = make_robot("p", "puller", "pull");
    h = flow_login(&f, text("%.*s", (int)strcspn(robot, ":"), robot), strchr(robot, ':') + 1);
    HAS(row(h, "{\"project\":\"p\",\"rights\":\"pull\"}", "rights"), "ok ");
    HAS(row(h, "{\"project\":\"p\",\"rights\":\"push\"}", "rights"), "fail ");
    HAS(row(h, "{\"project\":\"p\",\"rights\":\"push\"}", "rights"), "IMGREL_EDENIED");
    HAS(row(h, NULL, "login"), "(a robot)");
    imgrel_harbor_free(h);
    h = flow_login(&f, "robot$p+puller", "Wrong12345");
    HAS(row(h, "{\"project\":\"p\"}", "login"), "fail ");
    ck_assert_str_eq(row(h, "{\"project\":\"p\"}", "rights"), "");
    imgrel_harbor_free(h);
    flow_put(&f, "quota", "p", "{\"storage\":1}", "changed");
    push_image("library/app", "1", ADMIN, "amd64");
    mock_control("{\"clock\": 600}");
    HAS(row(f.harbor, NULL, "clock"), "fail Harbor's clock is 600 seconds ahead");
    mock_control("{\"clock\": 0}");
    mock_control("{\"fault\":{\"route\":\"GET /api/v2.0/health\",\"status\":200,\"header\":"
                 "{\"Content-Type\":\"text/html\"},\"body\":\"<html>\",\"count\":2}}");
    HAS(row(f.harbor, NULL, "reach"), "web page");
    mock_control("{\"faults\": \"clear\"}");
    /* By the wrong scheme, and not at all. */
    url = imgrel_mock_get(mock, "url");
    unit_ok(imgrel_harbor_new(f.client, text("https%s", url + 4), NULL, NULL, &h, &f.err), &f.err);
    HAS(row(h, NULL, "reach"), "but by http");
    imgrel_harbor_free(h);
    unit_ok(imgrel_harbor_new(f.client, "http://127.0.0.1:1", NULL, NULL, &h, &f.err), &f.err);
    HAS(row(h, NULL, "reach"), "IMGREL_ENET");
    ck_assert_str_eq(row(h, NULL, "login"), "");
    imgrel_harbor_free(h);
    flow_down(&f);
}
END_TEST

static void send_to(const char *realm)
{
    mock_control("{\"fault\":{\"route\":\"GET /v2/\",\"status\":401,\"count\":2,\"header\":{"
                 "\"Www-Authenticate\":\"Bearer realm=\\\"%s\\\",service=\\\"harbor-"
                 "registry\\\"\"}}}",
                 realm);
}

/* The realm's scheme is that of Harbor's external URL, its host that of the request. */
START_TEST(another_address)
{
    flow f;

    flow_up(&f, versions[_i]);
    send_to(text("https://%s/service/token", imgrel_mock_get(mock, "host")));
    HAS(row(f.harbor, NULL, "realm"), "fail tokens come from https://");
    HAS(row(f.harbor, NULL, "realm"), "external_url in harbor.yml");
    mock_control("{\"faults\": \"clear\"}");
    send_to("http://other.lan/service/token");
    HAS(row(f.harbor, NULL, "realm"), "Host header");
    flow_down(&f);
}
END_TEST

FLOW_SUITE(flow_doctor, all_is_well, what_is_wrong, another_address)
