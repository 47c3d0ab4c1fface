/* main.c - unit tests of lib/fmt. */
#include "unit.h"

unit_suite_fn suite_json, suite_digest, suite_media, suite_platform, suite_ref, suite_url,
    suite_header, suite_challenge, suite_toml, suite_registries, suite_semver,
    suite_yaml;
#ifdef NEED_YAML
UNIT_MAIN(suite_json, suite_digest, suite_media, suite_platform, suite_ref, suite_url, suite_header,
          suite_challenge, suite_toml, suite_registries, suite_semver, suite_yaml)
#else
UNIT_MAIN(suite_json, suite_digest, suite_media, suite_platform, suite_ref, suite_url, suite_header,
          suite_challenge, suite_toml, suite_registries, suite_semver)
#endif
