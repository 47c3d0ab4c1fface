# Fuzz targets: here they replay tests/fuzz/corpus/NAME (standalone.c); with clang's libFuzzer they
# search, as tests/fuzz/search says.
EXTRA_DIST += tests/fuzz/replay.test tests/fuzz/search tests/fuzz/corpus
fuzz_shared = tests/fuzz/standalone.c tests/fuzz/fuzz.h
fuzz_libs = lib/libcore.la $(core_libs)
check_PROGRAMS += tests/fuzz/fuzz_ref tests/fuzz/fuzz_challenge tests/fuzz/fuzz_link \
	tests/fuzz/fuzz_url tests/fuzz/fuzz_json tests/fuzz/fuzz_manifest tests/fuzz/fuzz_tar \
	tests/fuzz/fuzz_toml tests/fuzz/fuzz_hosts
tests_fuzz_fuzz_ref_SOURCES = tests/fuzz/fuzz_ref.c $(fuzz_shared)
tests_fuzz_fuzz_ref_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_challenge_SOURCES = tests/fuzz/fuzz_challenge.c $(fuzz_shared)
tests_fuzz_fuzz_challenge_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_link_SOURCES = tests/fuzz/fuzz_link.c $(fuzz_shared)
tests_fuzz_fuzz_link_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_url_SOURCES = tests/fuzz/fuzz_url.c $(fuzz_shared)
tests_fuzz_fuzz_url_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(fuzz_shared)
tests_fuzz_fuzz_json_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c $(fuzz_shared)
tests_fuzz_fuzz_manifest_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_tar_SOURCES = tests/fuzz/fuzz_tar.c $(fuzz_shared)
tests_fuzz_fuzz_tar_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_toml_SOURCES = tests/fuzz/fuzz_toml.c $(fuzz_shared)
tests_fuzz_fuzz_toml_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_hosts_SOURCES = tests/fuzz/fuzz_hosts.c $(fuzz_shared)
tests_fuzz_fuzz_hosts_LDADD = $(fuzz_libs)
check_PROGRAMS += tests/fuzz/fuzz_docker_config tests/fuzz/fuzz_journal tests/fuzz/fuzz_layout
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c $(fuzz_shared)
tests_fuzz_fuzz_journal_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_layout_SOURCES = tests/fuzz/fuzz_layout.c $(fuzz_shared)
tests_fuzz_fuzz_layout_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_docker_config_SOURCES = tests/fuzz/fuzz_docker_config.c $(fuzz_shared)
tests_fuzz_fuzz_docker_config_LDADD = $(fuzz_libs)
if NEED_YAML
check_PROGRAMS += tests/fuzz/fuzz_yaml
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c $(fuzz_shared)
tests_fuzz_fuzz_yaml_LDADD = $(fuzz_libs)
endif
if ENABLE_MOCK
check_PROGRAMS += tests/fuzz/fuzz_mock_query
tests_fuzz_fuzz_mock_query_SOURCES = tests/fuzz/fuzz_mock_query.c $(fuzz_shared)
tests_fuzz_fuzz_mock_query_LDADD = lib/libmockcore.la $(fuzz_libs) $(mock_libs)
endif
if ENABLE_KUBE
check_PROGRAMS += tests/fuzz/fuzz_kubeconfig tests/fuzz/fuzz_spdy tests/fuzz/fuzz_page
check_PROGRAMS += tests/fuzz/fuzz_diagnose
tests_fuzz_fuzz_diagnose_SOURCES = tests/fuzz/fuzz_diagnose.c $(fuzz_shared)
tests_fuzz_fuzz_diagnose_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_kubeconfig_SOURCES = tests/fuzz/fuzz_kubeconfig.c $(fuzz_shared)
tests_fuzz_fuzz_kubeconfig_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_spdy_SOURCES = tests/fuzz/fuzz_spdy.c $(fuzz_shared)
tests_fuzz_fuzz_spdy_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_page_SOURCES = tests/fuzz/fuzz_page.c $(fuzz_shared)
tests_fuzz_fuzz_page_LDADD = $(fuzz_libs)
endif
if ENABLE_RELEASE
check_PROGRAMS += tests/fuzz/fuzz_release
tests_fuzz_fuzz_release_SOURCES = tests/fuzz/fuzz_release.c $(fuzz_shared)
tests_fuzz_fuzz_release_LDADD = $(fuzz_libs)
endif
if ENABLE_BUILD
check_PROGRAMS += tests/fuzz/fuzz_rawjson tests/fuzz/fuzz_dockerfile
tests_fuzz_fuzz_rawjson_SOURCES = tests/fuzz/fuzz_rawjson.c $(fuzz_shared)
tests_fuzz_fuzz_rawjson_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_dockerfile_SOURCES = tests/fuzz/fuzz_dockerfile.c $(fuzz_shared)
tests_fuzz_fuzz_dockerfile_LDADD = $(fuzz_libs)
endif
