# Benchmarks: built and run by `make bench` (BENCH="--quick" and so on); no part of `make check`.
EXTRA_PROGRAMS = tests/bench/codec tests/bench/timed tests/bench/delay
tests_bench_codec_SOURCES = tests/bench/codec.c
tests_bench_codec_LDADD = lib/libcore.la $(core_libs)
tests_bench_timed_SOURCES = tests/bench/timed.c
tests_bench_delay_SOURCES = tests/bench/delay.c
EXTRA_DIST += tests/bench/run tests/bench/lab.py tests/bench/plot.py
bench: imgrel $(EXTRA_PROGRAMS)
	BUILD=$(abs_builddir) $(srcdir)/tests/bench/run $(BENCH)
if ENABLE_MOCK
EXTRA_PROGRAMS += tests/bench/mock
tests_bench_mock_SOURCES = tests/bench/mock.c
tests_bench_mock_LDADD = lib/libimgrel-mock.la $(CURL_LIBS) -lpthread
endif
if HAVE_CHECK
# Cancel and deadlines, phase by phase: tests/bench/cancel [RUNS].
EXTRA_PROGRAMS += tests/bench/cancel
tests_bench_cancel_SOURCES = tests/bench/cancel.c
tests_bench_cancel_CPPFLAGS = $(AM_CPPFLAGS) $(double_cppflags)
tests_bench_cancel_LDADD = $(double_libs) lib/libcore.la $(core_libs) -ldl
if ENABLE_KUBE
EXTRA_PROGRAMS += tests/bench/cancel_forward
tests_bench_cancel_forward_SOURCES = tests/bench/cancel_forward.c tests/unit/kube/fw.c \
	tests/unit/kube/fw.h tests/unit/kube/apiserver.c tests/unit/kube/apiserver.h \
	tests/unit/kube/support.c tests/unit/kube/support.h
tests_bench_cancel_forward_CPPFLAGS = $(unit_cppflags) $(double_cppflags) \
	-I$(top_srcdir)/tests/unit/kube
tests_bench_cancel_forward_LDADD = $(double_libs) $(unit_libs)
endif
endif
.PHONY: bench
