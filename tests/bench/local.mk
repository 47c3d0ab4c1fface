# Benchmarks: made by `make bench`, run by tests/bench/run; no part of `make check`.
EXTRA_PROGRAMS = tests/bench/codec
tests_bench_codec_SOURCES = tests/bench/codec.c
tests_bench_codec_LDADD = lib/libcore.la $(core_libs)
bench: tests/bench/codec
.PHONY: bench
